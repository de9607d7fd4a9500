import { effect, signal } from '@preact/signals';
import { resolvedColor } from './resolved-color.js';

const themes = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];
const KEY = 'clusterrunner-theme';

/** The colors that somebody chose for this browser; `auto` follows the system. */
export const theme = signal<Theme>(storedTheme());

export function nextTheme(): void {
  theme.value = themes[(themes.indexOf(theme.value) + 1) % themes.length] ?? 'auto';
}

export function startTheme(): void {
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
    // The bar of a phone's browser.
    document
      .querySelector('meta[name="theme-color"]')
      ?.setAttribute('content', resolvedColor('--back-raised'));
    try {
      window.localStorage.setItem(KEY, theme.value);
    } catch {
      // A browser that stores nothing for this page forgets the choice.
    }
  });
}

function storedTheme(): Theme {
  try {
    const stored = window.localStorage.getItem(KEY);
    return themes.find((name) => name === stored) ?? 'auto';
  } catch {
    return 'auto';
  }
}
