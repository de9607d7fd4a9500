import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { benchOptions } from './support/options.js';
import { Report } from './support/report.js';
import { binary, service, startMaster } from './support/service.js';
import { median, round } from './support/statistics.js';
import { inWorkplace } from './support/workplace.js';

/*
 * Builds of a job with `cache: true`, from the command to the unpacked results: the first build, which runs all atoms; the same
 * commit again; and a commit that changes one input file in ten.
 *
 *   node dist/bench/cache.js [--quick] [--json FILE] [--rounds N]
 */

const options = benchOptions(5);
const atoms = options.quick ? 100 : 3000;
const report = new Report('cache', options);
interface Built {
  /** The time of the whole command. */
  readonly seconds: number;
  readonly cached: number;
}

const YAML = `Bench:
  inputs: [lib, $FILE]
  cache: true
  commands:
    - sh "$FILE"
  atomizers:
    - FILE: ls test/*/*
`;

await inWorkplace('cache', async ({ home, env, cleanup }) => {
  const master = await startMaster(env);
  cleanup.add(master.stop);
  const slave = await service(['slave', '-m', master.url, '-e', '2'], /(connected)/, env);
  cleanup.add(slave.stop);
  const project = join(home, 'project');
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-c', 'user.name=bench', '-c', 'user.email=bench@example.com', ...args], {
      cwd: project,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  const write = (path: string, content: string) => {
    mkdirSync(join(project, path, '..'), { recursive: true });
    writeFileSync(join(project, path), content);
  };
  const commit = () => {
    git('add', '--all');
    git('commit', '--quiet', '--message', 'a change');
  };
  const file = (number: number) => `test/${number % 30}/${number}.sh`;

  write('clusterrunner.yaml', YAML);
  write('lib/shared', 'shared\n');
  for (let number = 0; number < atoms; number += 1) {
    write(file(number), `: ${number}\n`);
  }
  git('init', '--quiet', '--initial-branch=main');
  commit();

  let runs = 0;
  /** Builds the newest commit. */
  function build(): Built {
    runs += 1;
    const cwd = join(home, `run-${runs}`);
    mkdirSync(cwd);
    const start = process.hrtime.bigint();
    const out = execFileSync(
      process.execPath,
      [binary, 'build', '--json', '-m', master.url, '--url', `file://${project}`],
      { cwd, env, stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8', maxBuffer: 1024 ** 3 },
    );
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    const [, cached = '0'] = /"num_atoms_cached": (\d+)/.exec(out) ?? [];
    return { seconds, cached: Number(cached) };
  }

  const row = (what: string, results: readonly Built[]) => {
    const seconds = results.map((one) => one.seconds);
    return {
      what,
      cached: median(results.map(({ cached }) => cached)),
      'median s': round(median(seconds), 2),
      'least s': round(Math.min(...seconds), 2),
      'most s': round(Math.max(...seconds), 2),
    };
  };
  const first = [build()];
  const unchanged: Built[] = [];
  const changed: Built[] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    unchanged.push(build());
    for (let number = round % 10; number < atoms; number += 10) {
      write(file(number), `: ${number} in round ${round}\n`);
    }
    commit();
    changed.push(build());
  }
  report.table(`${atoms} atoms that do nothing, 2 executors, ${options.rounds} rounds`, [
    row('first build', first),
    row('the same commit again', unchanged),
    row('after a change of a tenth of the files', changed),
  ]);
});
report.end();
