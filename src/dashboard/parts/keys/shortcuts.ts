import { useEffect, useRef } from 'preact/hooks';

/** A key, or two keys one after another, such as `g b`. None may be the beginning of another one. */
export interface Shortcut {
  readonly keys: string;
  readonly label: string;
  readonly run: () => void;
}

/** Lists of the components that are shown, the latest last. */
const offered: { readonly current: readonly Shortcut[] }[] = [];

const SEQUENCE_MS = 1_000;

/** Offers shortcuts while a component is shown. Later ones replace earlier ones with the same keys. */
export function useShortcuts(list: readonly Shortcut[]): void {
  const latest = useRef(list);
  latest.current = list;
  useEffect(() => {
    offered.push(latest);
    return () => {
      offered.splice(offered.indexOf(latest), 1);
    };
  }, []);
}

/** The shortcuts of the page that is shown, one for each combination of keys. */
export function offeredShortcuts(): Shortcut[] {
  const all = offered.flatMap(({ current }) => current);
  return [...new Map(all.map((shortcut) => [shortcut.keys, shortcut])).values()];
}

export function startShortcuts(): void {
  let pending = { key: '', at: Number.NEGATIVE_INFINITY };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target)) {
      return;
    }
    const before = performance.now() - pending.at < SEQUENCE_MS ? `${pending.key} ` : '';
    pending = { key: event.key, at: performance.now() };
    const known = offeredShortcuts();
    const find = (keys: string) => known.find((shortcut) => shortcut.keys === keys);
    const found = find(before + event.key) ?? find(event.key);
    if (found !== undefined) {
      pending = { key: '', at: Number.NEGATIVE_INFINITY };
      event.preventDefault();
      found.run();
    }
  });
}

/** Whether keys are text for an element, or belong to a dialog that covers the page. */
function isTyping(element: EventTarget | null): boolean {
  if (!(element instanceof HTMLElement)) {
    return false;
  }
  const takesKeys = 'input:not([type=checkbox], [type=radio]), textarea, select';
  return element.isContentEditable || element.matches(takesKeys) || element.closest('dialog[open]') !== null;
}
