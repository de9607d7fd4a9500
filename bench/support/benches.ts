/** What `npm run bench` runs, in this order: each a file of `bench/` that takes `--quick` and `--json FILE`. */
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
  'origin',
  'workspace',
];
