import {
  observeWindowOffset,
  observeWindowRect,
  type VirtualItem,
  Virtualizer,
  type VirtualizerOptions,
  windowScroll,
} from '@tanstack/virtual-core';
import type { RefObject } from 'preact';
import { useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';

export interface VirtualRowsOptions {
  readonly count: number;
  /** Pixels; rows that are measured may have others. */
  readonly rowHeight: number;
  /** Rows beyond the visible ones on each side. */
  readonly overscan?: number;
  /** Pixels of the window that something covers at its top. */
  readonly coveredTop?: number;
}

export interface VirtualRows<Container> {
  /** For the element that contains the rows. */
  readonly container: RefObject<Container | null>;
  /** The rows to render; `start` and `end` are pixels from the top of the container. */
  readonly rows: readonly Pick<VirtualItem, 'index' | 'start' | 'end'>[];
  readonly totalSize: number;
  /** For the `ref` of a row with `data-index` whose height is to be measured. */
  readonly measure: (row: Element | null) => void;
  readonly scrollTo: (index: number, align?: 'start' | 'center' | 'auto') => void;
}

type Common = Pick<VirtualizerOptions<Window, Element>, 'count' | 'estimateSize' | 'overscan'>;

function commonOptions({ count, rowHeight, overscan = 10 }: VirtualRowsOptions): Common {
  return { count, estimateSize: () => rowHeight, overscan };
}

/** The part of a long list that is visible in the window, which scrolls it. */
export function useWindowRows<Container extends HTMLElement>(
  options: VirtualRowsOptions,
): VirtualRows<Container> {
  const container = useRef<Container>(null);
  const [, render] = useReducer((n: number, _: null) => n + 1, 0);
  const [margin, setMargin] = useState(0);
  const resolved: VirtualizerOptions<Window, Element> = {
    ...commonOptions(options),
    scrollMargin: margin,
    scrollPaddingStart: options.coveredTop ?? 0,
    getScrollElement: () => window,
    scrollToFn: windowScroll,
    observeElementRect: observeWindowRect,
    observeElementOffset: observeWindowOffset,
    initialOffset: () => window.scrollY,
    onChange: () => render(null),
  };
  const [virtualizer] = useState(() => new Virtualizer(resolved));
  virtualizer.setOptions(resolved);
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => {
    const top = (container.current?.getBoundingClientRect().top ?? 0) + window.scrollY;
    if (Math.abs(top - margin) > 1) {
      setMargin(top);
    }
    virtualizer._willUpdate();
  });
  return viewOf(virtualizer, container, margin);
}

function viewOf<Container>(
  virtualizer: Virtualizer<Window, Element>,
  container: RefObject<Container | null>,
  margin: number,
): VirtualRows<Container> {
  return {
    container,
    rows: virtualizer
      .getVirtualItems()
      .map(({ index, start, end }) => ({ index, start: start - margin, end: end - margin })),
    totalSize: virtualizer.getTotalSize(),
    measure: virtualizer.measureElement,
    scrollTo: (index, align = 'auto') => virtualizer.scrollToIndex(index, { align }),
  };
}
