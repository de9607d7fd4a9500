import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { type FileResult, hasPytest, pytestResults } from '../support/pytest-results.js';

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
  'tests/conftest.py': `import pytest

@pytest.fixture
def level():
    return ["tests"]
`,
  'tests/deep/conftest.py': `import pytest

@pytest.fixture
def level(level):
    return [*level, "deep"]
`,
  'tests/deep/test_levels.py':
    'def test_fixtures_of_all_levels(level):\n    assert level == ["tests", "deep"]\n',
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
  'tests/test_j_expected.py': `import pytest

@pytest.mark.xfail(reason="not yet")
def test_expected_to_fail():
    assert False

@pytest.mark.xfail(strict=True, reason="not yet")
def test_passes_unexpectedly():
    pass
`,
  'tests/test_k_patches.py': `import builtins, sys

builtins.shop_is_open = True
sys.path.insert(0, "/nowhere")

def test_has_patched():
    assert shop_is_open and sys.path[0] == "/nowhere"
`,
  'tests/test_m_threads.py': `import threading, time

thread = threading.Thread(target=time.sleep, args=(0.2,))
thread.start()

def test_has_its_thread():
    assert thread.is_alive()
`,
  'tests/test_n_connects.py': `import os, socket

PROCESS = os.getpid()
here, there = socket.socketpair()

def test_has_its_connection():
    here.send(b"hello")
    assert there.recv(5) == b"hello" and PROCESS == os.getpid()
`,
  'tests/test_z_passes.py': `import builtins, sys, threading

def test_after_all_of_these(tmp_path):
    assert not hasattr(builtins, "shop_is_open") and "/nowhere" not in sys.path
    assert threading.active_count() == 1
    (tmp_path / "file").write_text("text")
`,
};

/** For the folders of tmp_path, which pytest leaves behind. */
const variables = 'PYTEST_DEBUG_TEMPROOT="$PROJECT_DIR"';

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

  const resultsOf = (worker: string | null, options = '') =>
    pytestResults(cluster, project, { worker, options, variables });

  it('gives each file the verdict, console, report and artifacts of a process of its own', async () => {
    const cold = await resultsOf(null);
    expect(codesOf(cold)).to.include({ a: '0', c: '1', d: '2', f: '5', g: '137', h: '7', i: '9', z: '0' });
    expectSame(await resultsOf(''), cold);
    expectSame(await resultsOf('--fork early'), cold);
    expectSame(await resultsOf('--fresh-libraries'), cold);
  });

  it('does so without some plugins of pytest', async () => {
    const without = '-p no:cacheprovider -p no:capture -p no:tmpdir -p no:logging -k "not after_all"';
    expectSame(await resultsOf('', without), await resultsOf(null, without));
  });
});

function expectSame(warm: ReadonlyMap<string, FileResult>, cold: ReadonlyMap<string, FileResult>): void {
  for (const [file, result] of cold) {
    for (const part of ['exitCode', 'note', 'report', 'console'] as const) {
      expect(warm.get(file)?.[part], `${part} of ${file}`).to.equal(result[part]);
    }
  }
}

/** Exit codes by the letters of the files. */
function codesOf(results: ReadonlyMap<string, FileResult>): Record<string, string | null> {
  return Object.fromEntries(
    [...results].map(([file, { exitCode }]) => [/test_([a-z])/.exec(file)?.[1] ?? file, exitCode]),
  );
}
