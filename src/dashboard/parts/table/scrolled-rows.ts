import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
  type VirtualizerOptions,
} from '@tanstack/virtual-core';
import type { RefObject } from 'preact';
import { useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';
import type { VirtualRows } from './virtual-rows.js';

export interface ScrolledRows<Element> extends Omit<VirtualRows<Element>, 'container' | 'measure'> {
  /** For the element that scrolls its rows. */
  readonly scroller: RefObject<Element | null>;
}

/** The part of a long list that is visible in an element, which scrolls it. All rows have the same height in pixels. */
export function useScrolledRows<Scroller extends HTMLElement>(
  count: number,
  rowHeight: number,
): ScrolledRows<Scroller> {
  const scroller = useRef<Scroller>(null);
  const [, render] = useReducer((n: number, _: null) => n + 1, 0);
  const resolved: VirtualizerOptions<Scroller, Element> = {
    count,
    estimateSize: () => rowHeight,
    overscan: 10,
    getScrollElement: () => scroller.current,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => render(null),
  };
  const [virtualizer] = useState(() => new Virtualizer(resolved));
  virtualizer.setOptions(resolved);
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => virtualizer._willUpdate());
  return {
    scroller,
    rows: virtualizer.getVirtualItems(),
    totalSize: virtualizer.getTotalSize(),
    scrollTo: (index, align = 'auto') => virtualizer.scrollToIndex(index, { align }),
  };
}
