import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { benchOptions } from './support/options.js';
import { Report } from './support/report.js';
import { binary, startMaster } from './support/service.js';
import { median, round } from './support/statistics.js';
import { inWorkplace } from './support/workplace.js';

/*
 * Start times: `build` with nothing running until its first atom starts, `--help`, and a master, compared with a Node that
 * does nothing.
 *
 *   node dist/bench/start.js [--quick] [--json FILE] [--rounds N]
 */

async function toListening(env: NodeJS.ProcessEnv): Promise<number> {
  const start = process.hrtime.bigint();
  const master = await startMaster(env);
  const took = Number(process.hrtime.bigint() - start) / 1e9;
  await master.stop();
  return took;
}

const options = benchOptions(10);
const report = new Report('start', options);

await inWorkplace('start', async ({ home, env }) => {
  const project = join(home, 'project');
  mkdirSync(project);
  const run = (args: readonly string[]) =>
    execFileSync(process.execPath, args, { cwd: project, env, stdio: ['ignore', 'ignore', 'inherit'] });
  const seconds = (args: readonly string[]) => {
    const start = process.hrtime.bigint();
    run(args);
    return Number(process.hrtime.bigint() - start) / 1e9;
  };
  const toFirstAtom = () => {
    const start = Date.now() / 1000;
    run([binary, 'build']);
    const results = join(project, 'build_results');
    const folder = readdirSync(results).find((name) => name.startsWith('artifact_')) ?? '';
    return Number(readFileSync(join(results, folder, 'started'), 'utf8')) - start;
  };
  writeFileSync(
    join(project, 'clusterrunner.yaml'),
    'Bench:\n  commands:\n    - date +%s.%N > $ARTIFACT_DIR/started\n  atomizers:\n    - N: seq 1 1\n',
  );
  const measured = new Map<string, number[]>();
  const note = (what: string, value: number) => measured.set(what, [...(measured.get(what) ?? []), value]);
  // Warms up: the first use writes the configuration, and reads the program from the disk.
  toFirstAtom();
  for (let turn = 0; turn < options.rounds; turn += 1) {
    note('build with nothing running, to its first atom', toFirstAtom());
    note('--help', seconds([binary, '--help']));
    note('master, until it listens', await toListening(env));
    note("node -e ''", seconds(['-e', '']));
  }
  report.table(
    `Start, ${options.rounds} rounds`,
    [...measured].map(([what, values]) => ({
      what,
      'median s': round(median(values), 3),
      'least s': round(Math.min(...values), 3),
      'most s': round(Math.max(...values), 3),
    })),
  );
});
report.end();
