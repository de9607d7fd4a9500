import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { benchOptions } from './support/options.js';
import { Report } from './support/report.js';
import { binary, service, startMaster } from './support/service.js';
import { median, round } from './support/statistics.js';
import { inWorkplace } from './support/workplace.js';

/*
 * The overhead of ClusterRunner: atoms that do nothing, from the command to the unpacked results, compared with xargs, and
 * with GNU parallel --results --joblog where it is installed. Alternating, since machines are noisy.
 *
 * Each run has a folder of its own, and nothing is deleted before the last one is done. The file system ext4 checks every
 * inode that was deleted in the last minutes before it allocates one, so deleting much slows down the next run.
 *
 *   node dist/bench/small-atoms.js [--quick] [--json FILE] [--rounds N]
 */

const options = benchOptions(3);
const atoms = options.quick ? 100 : 3000;
const report = new Report('small-atoms', options);
const numbers = `${Array.from({ length: atoms }, (_, n) => n + 1).join('\n')}\n`;

await inWorkplace('small-atoms', async ({ home, env, cleanup }) => {
  const master = await startMaster(env);
  cleanup.add(master.stop);
  const slave = await service(['slave', '-m', master.url, '-e', '2'], /(connected)/, env);
  cleanup.add(slave.stop);

  let folders = 0;
  function seconds(file: string, args: readonly string[], input?: string): number {
    folders += 1;
    const cwd = join(home, `run-${folders}`);
    mkdirSync(cwd);
    writeFileSync(
      join(cwd, 'clusterrunner.yaml'),
      `Bench:\n  commands:\n    - ":"\n  atomizers:\n    - N: seq 1 ${atoms}\n`,
    );
    const start = process.hrtime.bigint();
    execFileSync(file, args, {
      cwd,
      env,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'ignore', 'inherit'],
      ...(input === undefined ? {} : { input }),
    });
    return Number(process.hrtime.bigint() - start) / 1e9;
  }

  const hasParallel = spawnSync('parallel', ['--version'], { encoding: 'utf8' }).stdout?.startsWith('GNU ');
  const contestants: Record<string, () => number> = {
    'clusterrunner build, 2 executors': () => seconds(process.execPath, [binary, 'build', '-m', master.url]),
    'xargs -P2 -n1 bash -c :': () => seconds('xargs', ['-P2', '-n1', 'bash', '-c', ':'], numbers),
    ...(hasParallel
      ? {
          'parallel -j2 --results --joblog': () =>
            seconds('parallel', ['--will-cite', '-j2', '--results', 'out', '--joblog', 'log', ':'], numbers),
        }
      : {}),
  };
  const rounds: Record<string, number[]> = {};
  for (let turn = 0; turn < options.rounds; turn += 1) {
    for (const [what, run] of Object.entries(contestants)) {
      rounds[what] = [...(rounds[what] ?? []), run()];
    }
  }
  const xargs = rounds['xargs -P2 -n1 bash -c :'] ?? [];
  report.table(
    `${atoms} atoms of ":", ${options.rounds} rounds in turn`,
    Object.entries(rounds).map(([what, values]) => ({
      what,
      'median s': round(median(values), 2),
      'least s': round(Math.min(...values), 2),
      'most s': round(Math.max(...values), 2),
      'of xargs, in pairs': round(
        median(values.map((value, turn) => value / (xargs[turn] ?? Number.NaN))),
        2,
      ),
    })),
  );
});
report.end();
