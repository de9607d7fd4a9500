import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Cluster } from './cluster.js';
import { type Files, writeFiles } from './project.js';

export const hasPytest =
  spawnSync('python3', ['-m', 'pytest', '--version'], { stdio: 'ignore' }).status === 0;

/** How the test files of a project are run; the commands also run them when there is no `worker`. */
export interface PytestWay {
  /** Options of the worker; null for the commands alone. */
  readonly worker: string | null;
  /** Options of pytest. */
  readonly options?: string;
  /** Shell text of variables that precede `python3`. */
  readonly variables?: string;
}

/** Parts of the results of one file; null where there is none. */
export interface FileResult {
  readonly exitCode: string | null;
  readonly console: string | null;
  readonly report: string | null;
  /** The file `note` among the artifacts. */
  readonly note: string | null;
}

/** Builds a project, in which at least one file fails, on a cluster that runs. Resolves with the result of each test file. */
export async function pytestResults(
  cluster: Cluster,
  project: Files,
  { worker, options = '', variables = '' }: PytestWay,
): Promise<ReadonlyMap<string, FileResult>> {
  const cwd = mkdtempSync(join(tmpdir(), 'pytest-worker-'));
  try {
    const warm = `exec python3 "$CLUSTERRUNNER_WORKERS/pytest_worker.py" --junit ${worker} -- ${options}`;
    const yaml = `Tests:
${worker === null ? '' : `  worker:\n    - ${variables} ${warm}\n`}  commands:
    - ${variables} python3 -m pytest "$TEST_FILE" ${options} --junitxml="$ARTIFACT_DIR/pytest.xml"
  atomizers:
    - TEST_FILE: find tests -name 'test_*.py' | sort
`;
    writeFiles(cwd, { ...project, 'clusterrunner.yaml': yaml });
    const { exitCode, stdout, stderr } = await cluster.build(['directory'], { cwd });
    expect(exitCode, stdout + stderr).to.equal(1);
    const results = join(cwd, 'build_results');
    const files = Object.keys(project)
      .filter((path) => /^tests\/.*test_[^/]*\.py$/.test(path))
      .sort();
    return new Map(
      files.map((path, atom) => {
        const folder = readdirSync(results).find((name) => name.endsWith(`_${atom}`));
        const read = (name: string) => {
          const file = join(results, folder ?? expect.fail(`${path} has no results.`), name);
          return existsSync(file) ? comparable(readFileSync(file, 'utf8')).replaceAll(cwd, '/project') : null;
        };
        return [
          path,
          {
            exitCode: read('clusterrunner_exit_code'),
            console: read('clusterrunner_console_output'),
            report: read('pytest.xml'),
            note: read('note'),
          },
        ];
      }),
    );
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** Without what differs between two runs. */
function comparable(text: string): string {
  return (
    text
      .replaceAll(/ (time|timestamp|hostname)="[^"]*"/g, '')
      .replaceAll(/in \d+\.\d+s/g, 'in a while')
      .replaceAll(/(={3,}|-{3,}|!{3,}|_{3,})/g, '---')
      // The shell of the commands names a process that was killed.
      .replaceAll(/^(.*)bash: line 1: .* Killed .*$/gm, '$1')
      .replaceAll(/xml file: .*/g, 'xml file')
      .trimEnd()
  );
}
