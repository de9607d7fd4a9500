import { parseArgs } from 'node:util';
import { Diary } from './diary.js';
import { runChaos } from './run-chaos.js';

/*
 * npm run chaos -- [--seconds N] [--seed S] [--slaves N] [--hostile]
 *
 * The seed determines the builds and the faults; their timing also depends on the machine.
 */

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    slaves: { type: 'string', default: '3' },
    hostile: { type: 'boolean', default: false },
  },
});
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
const seed = Number(values.seed);
const diary = new Diary((line) => process.stdout.write(`${line}\n`));
const checked = await runChaos(
  { seed, seconds: Number(values.seconds), numSlaves: Number(values.slaves), isHostile: values.hostile },
  diary,
);
const faults = [...diary.faults].map(([kind, count]) => `  ${String(count).padStart(4)} ${kind}\n`).join('');
process.stdout.write(
  `\nFaults of seed ${seed}:\n${faults}` +
    `${checked.builds} builds and ${checked.atoms} atoms checked; ${checked.lost} atoms were lost with three slaves each.\n`,
);
for (const violation of diary.violations) {
  process.stdout.write(`VIOLATION (seed ${seed}): ${violation}\n`);
}
process.stdout.write(`${diary.violations.length} violations\n`);
process.exitCode = diary.violations.length === 0 ? 0 : 1;
