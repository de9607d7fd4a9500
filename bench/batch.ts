import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFiles } from '../test/support/project.js';
import { type Contestant, contest } from './support/contest.js';
import { benchOptions } from './support/options.js';
import { Report } from './support/report.js';
import { binary } from './support/service.js';
import { inWorkplace } from './support/workplace.js';
import { findPytest, type PytestProgram } from './worker/pytest-program.js';
import { pytestProject } from './worker/pytest-project.js';

/*
 * Batches of pytest with test files of a usual kind, compared with `pytest -n 2` and with a pytest process for each file. Each is a
 * whole command, which starts all that it needs: ours a cluster of its own. "again" is a second run in the same folder, in which
 * pytest finds the tests compiled. Every test must have the verdict that it has when pytest runs its file alone.
 *
 *   node dist/bench/batch.js [--quick] [--json FILE] [--rounds N]
 */

const options = benchOptions(3);
const report = new Report('batch', options);
const tests = options.quick ? 12 : 120;
const XDIST = 'pytest -n 2';
const EACH = 'clusterrunner build, a process for each file';

const found = findPytest();
report.table('Tools', [
  { tool: 'Python', found: found === null ? 'none with pytest' : `${found.version}, ${found.python}` },
  { tool: 'pytest', found: found?.pytest ?? 'none' },
  { tool: 'pytest-xdist', found: found?.xdist ?? 'none' },
]);
if (found !== null) {
  await inWorkplace('batch', async ({ home, env }) => {
    const rows = await contest(contestantsFor(found), {
      rounds: options.rounds,
      home,
      env,
      baseline: found.xdist === null ? EACH : XDIST,
    });
    report.table(`${tests} test files, 2 executors, ${options.rounds} rounds in turn`, rows);
  });
}
report.end();

function contestantsFor({ python, xdist, libraries }: PytestProgram): readonly Contestant[] {
  const project = pytestProject(tests, libraries);
  const files = Object.keys(project)
    .filter((path) => /\/test_[^/]*\.py$/.test(path))
    .sort();
  const ours = (name: string, job: string, runsAgain: boolean): Contestant => ({
    name,
    exitCode: 1,
    runsAgain,
    command: [process.execPath, binary, 'build', 'directory'],
    prepare: (folder) =>
      writeFiles(folder, {
        ...project,
        list: `${files.join('\n')}\n`,
        'clusterrunner.yaml': `Tests:\n${job}  atomizers:\n    - TEST_FILE: cat list\n`,
      }),
    reports: (folder) => atomFolders(folder).map(reportOf),
    exitCodes: (folder) =>
      new Map(
        atomFolders(folder).map((atom) => [
          files[Number(atom.split('_').at(-1))] ?? '',
          readFileSync(join(atom, 'clusterrunner_exit_code'), 'utf8').trim(),
        ]),
      ),
  });
  const batches = (size: number) =>
    ours(
      `clusterrunner build, batches of ${size}`,
      `  batch: {size: ${size}, match: classname}
  commands:
    - mapfile -t files < "$ATOMS_FILE"
    - ${python} -m pytest "\${files[@]}" --junitxml="$ARTIFACT_DIR/pytest.xml"
`,
      true,
    );
  return [
    ours(
      EACH,
      `  commands:\n    - ${python} -m pytest "$TEST_FILE" --junitxml="$ARTIFACT_DIR/pytest.xml"\n`,
      false,
    ),
    ...(xdist === null
      ? []
      : [
          {
            name: XDIST,
            exitCode: 1,
            runsAgain: true,
            exitCodes: null,
            command: [python, '-m', 'pytest', '-n', '2', '--junitxml=pytest.xml'],
            prepare: (folder: string) => writeFiles(folder, project),
            reports: (folder: string) => [join(folder, 'pytest.xml')],
          },
        ]),
    batches(20),
    batches(60),
  ];
}

/** The report of an atom that its batch has decided, or that of an atom that ran by itself. */
function reportOf(folder: string): string {
  const decided = join(folder, 'batch.xml');
  return existsSync(decided) ? decided : join(folder, 'pytest.xml');
}

function atomFolders(folder: string): readonly string[] {
  const results = join(folder, 'build_results');
  return readdirSync(results)
    .filter((name) => name.startsWith('artifact_'))
    .map((name) => join(results, name));
}
