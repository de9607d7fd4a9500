import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { writeFiles } from '../support/project.js';

const hasPytest = spawnSync('python3', ['-m', 'pytest', '--version'], { stdio: 'ignore' }).status === 0;

const project = {
  'shop.py': 'LOADED = []\nLOADED.append(1)\n',
  'conftest.py': `import pytest, shop

@pytest.fixture(scope="session", autouse=True)
def session():
    shop.LOADED.append("session")
    yield
    print("session ends")

def pytest_addoption(parser):
    parser.addoption("--shop", default="none")
`,
  'tests/test_a_passes.py': `import os, shop

def test_one():
    assert shop.LOADED == [1, "session"]
    shop.LOADED.append("left behind")

def test_variables():
    assert os.environ["TEST_FILE"].endswith("test_a_passes.py")
    open(os.path.join(os.environ["ARTIFACT_DIR"], "note"), "w").write("kept")
`,
  'tests/test_b_isolated.py': `import shop

def test_sees_nothing_of_other_files():
    assert shop.LOADED == [1, "session"]
`,
  'tests/test_c_fails.py': `def test_fails():
    print("seen in the report")
    assert 1 + 1 == 3
`,
  'tests/test_d_broken.py': 'import no_such_module\n',
  'tests/test_e_skipped.py': `import pytest

@pytest.mark.skip(reason="not today")
def test_skipped():
    pass
`,
  'tests/test_f_empty.py': '',
  'tests/test_g_killed.py': `import os, signal

def test_killed():
    os.kill(os.getpid(), signal.SIGKILL)
`,
  'tests/test_h_exits.py': `import os

def test_exits():
    os._exit(7)
`,
  'tests/test_i_usage.py': `import pytest

def test_ends_the_session():
    pytest.exit("enough", returncode=9)
`,
  'tests/test_j_passes.py': 'def test_after_all_of_these():\n    pass\n',
};

const files = Object.keys(project)
  .filter((path) => path.startsWith('tests/'))
  .sort();

const yaml = (worker: string) => `Tests:
${worker}  commands:
    - python3 -m pytest "$TEST_FILE" --junitxml="$ARTIFACT_DIR/pytest.xml"
  atomizers:
    - TEST_FILE: find tests -name 'test_*.py' | sort
`;

/** The report of an atom without what differs between two runs. */
const comparable = (text: string) =>
  text
    .replaceAll(/ (time|timestamp|hostname)="[^"]*"/g, '')
    .replaceAll(/in \d+\.\d+s/g, 'in a while')
    .replaceAll(/(={3,}|-{3,}|!{3,}|_{3,})/g, '---')
    // The shell of the commands names a process that was killed.
    .replaceAll(/^(.*)bash: line 1: .* Killed .*$/gm, '$1')
    .replaceAll(/xml file: .*/g, 'xml file')
    .trimEnd();

describe('the worker for pytest', () => {
  let cluster: Cluster;
  before(async function () {
    if (!hasPytest) {
      process.stderr.write('      install pytest to test its worker\n');
      this.skip();
    }
    cluster = await Cluster.start();
    await cluster.startSlave(1);
  });
  after(() => cluster?.stop());

  async function resultsOf(worker: string) {
    const cwd = mkdtempSync(join(tmpdir(), 'pytest-worker-'));
    try {
      writeFiles(cwd, { ...project, 'clusterrunner.yaml': yaml(worker) });
      const { exitCode, stdout, stderr } = await cluster.build(['directory'], { cwd });
      expect(exitCode, stdout + stderr).to.equal(1);
      const results = join(cwd, 'build_results');
      return files.map((_, atom) => {
        const folder =
          readdirSync(results).find((name) => name.endsWith(`_${atom}`)) ?? expect.fail(`${atom}`);
        const read = (name: string) => {
          const file = join(results, folder, name);
          return existsSync(file) ? comparable(readFileSync(file, 'utf8')).replaceAll(cwd, '/project') : null;
        };
        return {
          exitCode: read('clusterrunner_exit_code')?.trim(),
          console: read('clusterrunner_console_output'),
          report: read('pytest.xml'),
          note: read('note'),
        };
      });
    } finally {
      rmSync(cwd, { recursive: true, force: true });
    }
  }

  it('gives each file the verdict, console, report and artifacts of a process of its own', async () => {
    const cold = await resultsOf('');
    const warm = await resultsOf(
      '  worker:\n    - exec python3 "$CLUSTERRUNNER_WORKERS/pytest_worker.py" --junit\n',
    );
    expect(cold.map(({ exitCode }) => exitCode)).to.deep.equal([
      '0',
      '0',
      '1',
      '2',
      '0',
      '5',
      '137',
      '7',
      '9',
      '0',
    ]);
    for (const [atom, file] of files.entries()) {
      for (const part of ['exitCode', 'note', 'report', 'console'] as const) {
        expect(warm[atom]?.[part], `${part} of ${file}`).to.equal(cold[atom]?.[part]);
      }
    }
  });
});
