import type { ShopHistory } from '../support/simulation/shop-history.js';

export interface Picture {
  /** Its file in `docs/images/` is named after it. */
  readonly name: string;
  readonly path: (builds: ShopHistory['builds']) => string;
  readonly colorScheme: 'light' | 'dark';
}

/** The pictures that the documentation shows. */
export const pictures: readonly Picture[] = [
  { name: 'builds', path: () => '/ui/builds', colorScheme: 'light' },
  { name: 'failed-build', path: ({ failed }) => `/ui/build/${failed}`, colorScheme: 'light' },
  { name: 'running-build', path: ({ running }) => `/ui/build/${running}`, colorScheme: 'dark' },
  { name: 'timeline', path: ({ failed }) => `/ui/build/${failed}/timeline`, colorScheme: 'light' },
  { name: 'console', path: ({ failed }) => `/ui/build/${failed}/atom/37`, colorScheme: 'dark' },
  { name: 'job', path: () => '/ui/job/2', colorScheme: 'light' },
  { name: 'fleet', path: () => '/ui/fleet', colorScheme: 'light' },
  { name: 'artifacts', path: ({ withFiles }) => `/ui/build/${withFiles}/artifacts`, colorScheme: 'light' },
];
