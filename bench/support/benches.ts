/** The benches of `npm run bench`, in this order: files of `bench/` that take `--quick` and `--json FILE`. */
export const BENCHES: readonly string[] = [
  'start',
  'small-atoms',
  'lognormal',
  'fleet',
  'bookkeeping',
  'statements',
  'atoms',
  'load',
  'artifacts',
  'large-results',
  'console-page',
  'console-search',
  'origin',
  'workspace',
  'worker',
  'dashboard',
];
