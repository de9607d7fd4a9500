import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MasterClient } from '../src/client/index.js';
import { toId } from '../src/protocol/ids.js';
import { benchOptions } from './support/options.js';
import { Report } from './support/report.js';
import { binary, service, startMaster } from './support/service.js';
import { median, round } from './support/statistics.js';
import { inWorkplace } from './support/workplace.js';

/*
 * How close a small suite with a long tail gets to its lower bound, max(sum / 4, longest), which no schedule can beat. The
 * suite has 200 sleeps of log-normal length (median 0.15 s, longest 2.68 s). It runs on 4 executors of one slave, without
 * history and then with it. Measured from the command to the unpacked results, and from the known atoms to the last result.
 *
 *   node dist/bench/lognormal.js [--quick] [--json FILE] [--rounds N]
 */

const EXECUTORS = 4;
const options = benchOptions(3);
const report = new Report('lognormal', options);
const workload = readFileSync(new URL('../../bench/workloads/lognormal.txt', import.meta.url), 'utf8');
const sleeps = workload
  .trim()
  .split('\n')
  .slice(0, options.quick ? 20 : undefined);
const times = sleeps.map(Number);
const bound = Math.max(times.reduce((sum, one) => sum + one, 0) / EXECUTORS, ...times);

interface Run {
  /** Time above the bound, from the command to its end. */
  readonly whole: number;
  /** Time above the bound, while the build was BUILDING. */
  readonly building: number;
  readonly subjobs: number;
}

await inWorkplace('lognormal', async ({ home, env, secret, cleanup }) => {
  const master = await startMaster(env);
  cleanup.add(master.stop);
  const slave = await service(['slave', '-m', master.url, '-e', String(EXECUTORS)], /(connected)/, env);
  cleanup.add(slave.stop);
  const client = new MasterClient({ url: master.url, secret });
  cleanup.add(() => client.close());

  let builds = 0;
  async function build(project: string): Promise<Run> {
    const start = process.hrtime.bigint();
    execFileSync(process.execPath, [binary, 'build', '-m', master.url], {
      cwd: project,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const whole = Number(process.hrtime.bigint() - start) / 1e9;
    builds += 1;
    const { state_timestamps, num_subjobs } = await client.getBuild(toId.build(builds));
    const [begun, ended] = [state_timestamps.BUILDING ?? 0, state_timestamps.FINISHED ?? 0];
    return { whole: whole / bound, building: (ended - begun) / bound, subjobs: num_subjobs ?? 0 };
  }

  const runs: { first: Run; second: Run }[] = [];
  for (let turn = 1; turn <= options.rounds; turn += 1) {
    // A project of another name has no history.
    const project = join(home, `project-${turn}`);
    mkdirSync(project);
    writeFileSync(join(project, 'sleeps'), `${sleeps.join('\n')}\n`);
    writeFileSync(
      join(project, 'clusterrunner.yaml'),
      'Bench:\n  commands:\n    - sleep $D\n  atomizers:\n    - D: cat $PROJECT_DIR/sleeps\n',
    );
    runs.push({ first: await build(project), second: await build(project) });
  }
  const rowOf = (what: string, some: readonly Run[]) => ({
    what,
    'command to results': round(median(some.map(({ whole }) => whole)), 3),
    least: round(Math.min(...some.map(({ whole }) => whole)), 3),
    most: round(Math.max(...some.map(({ whole }) => whole)), 3),
    'atoms known to last result': round(median(some.map(({ building }) => building)), 3),
    subjobs: median(some.map(({ subjobs }) => subjobs)),
  });
  report.table(
    `${sleeps.length} sleeps on ${EXECUTORS} executors, over the bound of ${round(bound, 2)} s, ${options.rounds} rounds`,
    [
      rowOf(
        'first run, no history',
        runs.map(({ first }) => first),
      ),
      rowOf(
        'second run',
        runs.map(({ second }) => second),
      ),
    ],
  );
});
report.end();
