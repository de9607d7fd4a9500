import { parseArgs } from 'node:util';
import { runFuzz } from './run-fuzz.js';

/*
 * npm run fuzz -- [--requests N] [--seed S] [--only INDEX] [--tls]
 *
 * Seed and index determine each request; --only repeats one of them and shows it with its response.
 */

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string' },
    tls: { type: 'boolean', default: false },
  },
});
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());
const report = await runFuzz({
  seed: Number(values.seed),
  requests: Number(values.requests),
  only: values.only === undefined ? null : Number(values.only),
  tls: values.tls,
  stop: stop.signal,
  say: (line) => process.stdout.write(`${line}\n`),
});
for (const violation of report.violations) {
  process.stdout.write(`VIOLATION (seed ${values.seed}): ${violation}\n`);
}
process.stdout.write(`${report.violations.length} violations\n`);
process.exitCode = report.violations.length === 0 ? 0 : 1;
