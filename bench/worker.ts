import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFiles } from '../test/support/project.js';
import { type Contestant, contest } from './support/contest.js';
import { benchOptions } from './support/options.js';
import { Report } from './support/report.js';
import { binary } from './support/service.js';
import { inWorkplace } from './support/workplace.js';
import { findPytest, type PytestProgram, pytestEnvironment } from './worker/pytest-program.js';
import { type FileSize, pytestProject } from './worker/pytest-project.js';

/*
 * The worker for pytest with test files of a usual kind. It is compared with `pytest -n 2`, and with a pytest process for each
 * file, which the commands of a job start, or xargs. Each is a whole command, which starts all that it needs: ours a cluster of its own.
 * "again" is a second run in the same folder, in which pytest finds the tests compiled. Every test must have the verdict that
 * it has when pytest runs its file alone. Small files have some 13 tests, large ones 40.
 *
 *   node dist/bench/worker.js [--quick] [--json FILE] [--rounds N]
 */

const options = benchOptions(3);
const report = new Report('worker', options);
const numFiles = options.quick ? 12 : 120;
const XARGS = 'xargs -P2, a process for each file';

/** Keeps output, report and exit code of one file. */
const EACH =
  'mkdir -p "results/$1"; "$0" -m pytest "$1" --junitxml="results/$1/pytest.xml" > "results/$1/output" 2>&1;' +
  ' code=$?; echo $code > "results/$1/exit_code"; exit $code';

const found = findPytest();
report.table('Tools', [
  { tool: 'Python', found: found === null ? 'none with pytest' : `${found.version}, ${found.python}` },
  { tool: 'pytest', found: found?.pytest ?? 'none' },
  { tool: 'pytest-xdist', found: found?.xdist ?? 'none' },
  { tool: 'libraries of the tests', found: found?.libraries.join(', ') ?? 'none' },
]);
if (found !== null) {
  for (const size of ['small', 'large'] as const) {
    await inWorkplace(`worker-${size}`, async ({ home, env }) => {
      const contestants = contestantsFor(found, size);
      const rows = await contest(contestants, {
        rounds: options.rounds,
        home,
        env: pytestEnvironment(env),
        baseline: contestants[1]?.name ?? XARGS,
      });
      const title = `${numFiles} ${size} test files, 2 executors, ${options.rounds} rounds in turn`;
      report.table(title, rows);
    });
  }
}
report.end();

function contestantsFor({ python, xdist, libraries }: PytestProgram, size: FileSize): readonly Contestant[] {
  const project = pytestProject(numFiles, size, libraries);
  const files = Object.keys(project)
    .filter((path) => /\/test_[^/]*\.py$/.test(path))
    .sort();
  const list = `${files.join('\n')}\n`;
  const shared = { exitCode: 1, runsAgain: true, exitCodes: null };
  const ours = (name: string, worker: string, runsAgain: boolean): Contestant => ({
    name,
    exitCode: 1,
    runsAgain,
    command: [process.execPath, binary, 'build', 'directory'],
    prepare: (folder) =>
      writeFiles(folder, {
        ...project,
        list,
        'clusterrunner.yaml': `Tests:
${worker}  commands:
    - ${python} -m pytest "$TEST_FILE" --junitxml="$ARTIFACT_DIR/pytest.xml"
  atomizers:
    - TEST_FILE: cat list
`,
      }),
    reports: (folder) => atomFolders(folder).map((atom) => join(atom, 'pytest.xml')),
    exitCodes: (folder) =>
      new Map(
        atomFolders(folder).map((atom) => [
          files[Number(atom.split('_').at(-1))] ?? '',
          readFileSync(join(atom, 'clusterrunner_exit_code'), 'utf8').trim(),
        ]),
      ),
  });
  return [
    {
      name: XARGS,
      // xargs reports with 123 that a command has failed.
      exitCode: 123,
      runsAgain: false,
      command: ['xargs', '-a', 'list', '-P2', '-I{}', 'sh', '-c', EACH, python, '{}'],
      prepare: (folder) => writeFiles(folder, { ...project, list }),
      reports: (folder) => files.map((file) => join(folder, 'results', file, 'pytest.xml')),
      exitCodes: (folder) =>
        new Map(
          files.map((file) => [
            file,
            readFileSync(join(folder, 'results', file, 'exit_code'), 'utf8').trim(),
          ]),
        ),
    },
    ...(xdist === null
      ? []
      : [
          {
            ...shared,
            name: 'pytest -n 2',
            command: [python, '-m', 'pytest', '-n', '2', '--junitxml=pytest.xml'],
            prepare: (folder: string) => writeFiles(folder, project),
            reports: (folder: string) => [join(folder, 'pytest.xml')],
          },
        ]),
    ours(
      'clusterrunner build, worker',
      `  worker:\n    - exec ${python} "$CLUSTERRUNNER_WORKERS/pytest_worker.py" --junit\n`,
      true,
    ),
    ours('clusterrunner build, a process for each file', '', false),
  ];
}

function atomFolders(folder: string): readonly string[] {
  const results = join(folder, 'build_results');
  return readdirSync(results)
    .filter((name) => name.startsWith('artifact_'))
    .map((name) => join(results, name));
}
