import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { repositoryRoot } from '../test/support/cluster.js';
import { writeFiles } from '../test/support/project.js';
import { type Contestant, contest } from './support/contest.js';
import { benchOptions } from './support/options.js';
import { Report } from './support/report.js';
import { binary } from './support/service.js';
import { inWorkplace } from './support/workplace.js';
import { mochaProject } from './worker/mocha-project.js';

/*
 * The worker for mocha with short test files, which start servers. It is compared with mocha in one process, in two
 * (`--parallel --jobs 2`), and in a process for each file, which the commands of a job start, or xargs. Each is a whole command: ours
 * starts a cluster of its own. Every test must have the same verdict everywhere.
 *
 *   node dist/bench/worker-mocha.js [--quick] [--json FILE] [--rounds N]
 */

const options = benchOptions(3);
const report = new Report('worker-mocha', options);
const project = mochaProject(options.quick ? 8 : 88);
const files = Object.keys(project)
  .filter((path) => path.endsWith('.test.js'))
  .sort();
const failing = files.filter((_, index) => index % 22 === 7).length;
const mocha = join(repositoryRoot, 'node_modules', 'mocha', 'bin', 'mocha.js');
const versionOf = (name: string): string =>
  createRequire(join(repositoryRoot, 'package.json'))(`${name}/package.json`).version;

/** Keeps output, report and exit code of one file. */
const EACH =
  'mkdir -p "results/$2"; "$0" "$1" --reporter xunit --reporter-option output="results/$2/mocha.xml" "$2"' +
  ' > "results/$2/output" 2>&1; code=$?; echo $code > "results/$2/exit_code"; exit $code';

report.table('Tools', [
  { tool: 'Node', found: process.version },
  ...['mocha', 'koa'].map((tool) => ({ tool, found: versionOf(tool) })),
]);
await inWorkplace('worker-mocha', async ({ home, env }) => {
  const rows = await contest(
    [
      {
        ...contestant('xargs -P2, a process for each file', 123, [
          'xargs',
          '-a',
          'list',
          '-P2',
          '-I{}',
          'sh',
          '-c',
          EACH,
          process.execPath,
          mocha,
          '{}',
        ]),
        reports: (folder) => files.map((file) => join(folder, 'results', file, 'mocha.xml')),
        exitCodes: (folder) => codesOf((file) => join(folder, 'results', file, 'exit_code')),
      },
      direct('mocha --parallel --jobs 2', ['--parallel', '--jobs', '2']),
      direct('mocha, one process', []),
      ours('clusterrunner build, worker --reuse', 'mocha --junit --reuse'),
      ours('clusterrunner build, worker', 'mocha --junit'),
      ours('clusterrunner build, a process for each file', null),
    ],
    { rounds: options.rounds, home, env, baseline: 'mocha --parallel --jobs 2' },
  );
  report.table(`${files.length} test files, 2 executors, ${options.rounds} rounds in turn`, rows);
});
report.end();

function contestant(name: string, exitCode: number, command: readonly string[], yaml = '') {
  return {
    name,
    exitCode,
    command,
    runsAgain: false,
    prepare: (folder: string) => {
      writeFiles(folder, { ...project, list: `${files.join('\n')}\n`, 'clusterrunner.yaml': yaml });
      symlinkSync(join(repositoryRoot, 'node_modules'), join(folder, 'node_modules'));
    },
  };
}

/** mocha itself, which exits with the number of failures. */
function direct(name: string, args: readonly string[]): Contestant {
  const reporter = ['--reporter', 'xunit', '--reporter-option', 'output=mocha.xml'];
  return {
    ...contestant(name, failing, [process.execPath, mocha, ...args, ...reporter, ...files]),
    reports: (folder) => [join(folder, 'mocha.xml')],
    exitCodes: null,
  };
}

function ours(name: string, worker: string | null): Contestant {
  const yaml = `Tests:
${worker === null ? '' : `  worker:\n    - exec ${process.execPath} "$CLUSTERRUNNER_WORKERS/node-worker.mjs" ${worker}\n`}  commands:
    - ${process.execPath} ${mocha} --reporter xunit --reporter-option output="$ARTIFACT_DIR/mocha.xml" "$TEST_FILE"
  atomizers:
    - TEST_FILE: cat list
`;
  const folderOf = (folder: string, file: string) => {
    const results = join(folder, 'build_results');
    const found = readdirSync(results).find((one) => one.endsWith(`_${files.indexOf(file)}`)) ?? '';
    return join(results, found);
  };
  return {
    ...contestant(name, 1, [process.execPath, binary, 'build', 'directory'], yaml),
    reports: (folder) => files.map((file) => join(folderOf(folder, file), 'mocha.xml')),
    exitCodes: (folder) => codesOf((file) => join(folderOf(folder, file), 'clusterrunner_exit_code')),
  };
}

function codesOf(pathOf: (file: string) => string): ReadonlyMap<string, string> {
  return new Map(files.map((file) => [file, readFileSync(pathOf(file), 'utf8').trim()]));
}
