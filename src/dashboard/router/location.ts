import { computed, signal } from '@preact/signals';
import { isPagePath, targetOf } from './page-paths.js';

/* The history router: links of the dashboard change the address without loading the page again. */

const current = signal(new URL(window.location.href));

/** The address of the page. */
export const address = computed(() => current.value);
/** The page that the address names. */
export const target = computed(() => targetOf(current.value.pathname));

/** Goes to a path with its query and fragment. `replace` leaves no entry in the history. */
export function navigate(path: string, { replace = false }: { readonly replace?: boolean } = {}): void {
  const before = current.value;
  current.value = new URL(path, before);
  try {
    window.history[replace ? 'replaceState' : 'pushState'](null, '', path);
  } catch {
    // A browser may keep the address of a page from a file, or in a sandbox, as it is.
  }
  if (!replace && before.pathname !== current.value.pathname) {
    window.scrollTo(0, 0);
  }
}

/** Replaces parameters of the query, and removes those whose value is null or empty. */
export function setQuery(changes: Readonly<Record<string, string | null>>): void {
  const url = new URL(current.value);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') {
      url.searchParams.delete(name);
    } else {
      url.searchParams.set(name, value);
    }
  }
  navigate(url.pathname + url.search + url.hash, { replace: true });
}

/** Follows the history, and clicks on links to paths of the page. */
export function startRouter(isOfPage: (path: string) => boolean = isPagePath): void {
  window.addEventListener('popstate', () => {
    current.value = new URL(window.location.href);
  });
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
    const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (link === null || !isPlain || event.defaultPrevented) {
      return;
    }
    // A link in a picture has no properties with the parts of its address.
    const to = new URL(link.getAttribute('href') ?? '', window.location.href);
    const isHere = to.origin === window.location.origin && isOfPage(to.pathname);
    if (!isHere || link.hasAttribute('target') || link.hasAttribute('download')) {
      return;
    }
    event.preventDefault();
    navigate(to.pathname + to.search + to.hash);
  });
}
