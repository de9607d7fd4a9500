import type { Tone } from '../parts/status/status-look.js';

/* Drawings for a tab's icon, which differ in their shape and not only in color. */

const shapes: Readonly<Record<Tone, { readonly color: string; readonly path: string }>> = {
  good: { color: '#17702f', path: 'M4 8.5l3 3 5-7' },
  bad: { color: '#b3202a', path: 'M4.5 4.5l7 7m0-7l-7 7' },
  busy: { color: '#0b57a8', path: 'M8 4v4l3 2' },
  wait: { color: '#59636e', path: 'M5 8h6' },
  quiet: { color: '#59636e', path: 'M4.5 11.5l7-7' },
  warn: { color: '#84530a', path: 'M8 4v5m0 2v1' },
};

/** An icon as a `data:` URL. */
export function faviconLink(tone: Tone): string {
  const { color, path } = shapes[tone];
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="${color}"/>` +
    `<path d="${path}" fill="none" stroke="#fff" stroke-width="2"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
