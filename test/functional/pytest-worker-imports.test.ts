import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { hasPytest, pytestResults } from '../support/pytest-results.js';

/** Libraries are installed below the folder of the project. */
const variables = 'PYTHONUSERBASE="$PROJECT_DIR/user" PYTEST_DEBUG_TEMPROOT="$PROJECT_DIR"';

/** Installed libraries by their names; each keeps the number of the process that has imported it. */
const libraries = {
  plain: '',
  starts_thread:
    'import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n',
  opens_connection: 'import socket\npair = socket.socketpair()\n',
  starts_process: 'import subprocess\nchild = subprocess.Popen(["sleep", "0.1"])\n',
  changes_path: 'import sys\nsys.path.append("/nowhere")\n',
  patches_builtins: 'import builtins\nbuiltins.patched = True\n',
  sets_variable: 'os.environ["SET_BY_LIBRARY"] = "1"\n',
  handles_signal: 'import signal\nsignal.signal(signal.SIGUSR1, lambda *_: None)\n',
  logs: 'import logging\nlogging.root.setLevel(7)\n',
  prints: 'print("imported")\n',
  warns: 'import warnings\nwarnings.warn("old", DeprecationWarning)\n',
  loads_project: 'import shop\n',
  hangs_elsewhere: 'import time\nif not os.environ.get("ATOM_ID"):\n    time.sleep(600)\n',
};

const noteProcess = `import json, os

def note(**more):
    with open(os.path.join(os.environ["ARTIFACT_DIR"], "note"), "w") as file:
        json.dump(more, file)
`;

describe('the libraries of the worker for pytest', () => {
  let cluster: Cluster;
  let site: string;
  before(async function () {
    if (!hasPytest) {
      process.stderr.write('      install pytest to test its worker\n');
      this.skip();
    }
    const env = { ...process.env, PYTHONUSERBASE: 'user' };
    site = execFileSync('python3', ['-m', 'site', '--user-site'], { env, encoding: 'utf8' }).trim();
    cluster = await Cluster.start();
    await cluster.startSlave(1);
  });
  after(() => cluster?.stop());

  const installed = (files: Readonly<Record<string, string>>) =>
    Object.fromEntries(
      Object.entries(files).map(([name, text]) => [
        `${site}/${name}.py`,
        `import os\nPROCESS = os.getpid()\n${text}`,
      ]),
    );
  const failing = { 'tests/test_z_fails.py': 'def test_fails():\n    assert False\n' };

  for (const [when, worker, isShared] of [
    ['are imported once', '', true],
    ['are imported in each fork with --fresh-libraries', '--fresh-libraries', false],
  ] as const) {
    it(when, async () => {
      const test = `import os, plain, shop
from notes import note

def test_notes():
    note(plain=plain.PROCESS, shop=shop.PROCESS, own=os.getpid())
`;
      const results = await pytestResults(
        cluster,
        {
          ...installed({ plain: '' }),
          ...failing,
          'notes.py': noteProcess,
          'shop.py': 'import os\nPROCESS = os.getpid()\n',
          'tests/test_a.py': test,
          'tests/test_b.py': test,
          'tests/test_c.py': test,
        },
        { worker, variables },
      );
      const notes = ['a', 'b', 'c'].map((name) =>
        JSON.parse(results.get(`tests/test_${name}.py`)?.note ?? 'null'),
      );
      // Modules of the project are loaded by each fork.
      expect(notes.map(({ shop }) => shop)).to.deep.equal(notes.map(({ own }) => own));
      const shared = notes.filter(({ plain, own }) => plain !== own);
      expect(shared).to.have.length(isShared ? 2 : 0);
      expect(new Set(shared.map(({ plain }) => plain)).size).to.equal(isShared ? 1 : 0);
    });
  }

  it('are imported by each fork when their import does more than to define modules', async () => {
    const test = Object.keys(libraries)
      .filter((name) => name !== 'plain')
      .map(
        (name) => `def test_${name}():
    import os, ${name}
    assert ${name}.PROCESS == os.getpid()
`,
      )
      .join('\n');
    const results = await pytestResults(
      cluster,
      {
        ...installed(libraries),
        ...failing,
        'shop.py': '',
        // The worker refuses one library after the other.
        ...Object.fromEntries(
          Object.keys(libraries).map((_, number) => [
            `tests/test_${String(number).padStart(2, '0')}.py`,
            test,
          ]),
        ),
      },
      { worker: '', variables, options: '-W ignore' },
    );
    for (const [file, { exitCode, console }] of results) {
      expect(exitCode, `${file}\n${console}`).to.equal(file.includes('fails') ? '1' : '0');
    }
  });

  it('are visible to a test from its own import of them on', async () => {
    const first = `import colorsys, decimal, plain, xml.dom.minidom
import plain_package.part

def test_uses_them():
    assert xml.dom.minidom and colorsys.rgb_to_hsv and plain_package.part and plain.PROCESS
`;
    const second = `import importlib.util, os, sys
import pytest

def test_has_not_imported_them():
    assert not {"plain", "plain_package", "plain_package.part", "xml.dom.minidom"} & set(sys.modules)

def test_misses_a_submodule():
    import plain_package
    with pytest.raises(AttributeError):
        plain_package.part

def test_imports_a_submodule():
    from plain_package import part
    import plain_package
    assert plain_package.part is part is sys.modules["plain_package.part"]

def test_finds_the_file():
    spec = importlib.util.find_spec("plain")
    assert spec.origin.endswith("plain.py")
    assert type(spec.loader).__name__ == "SourceFileLoader"
    import plain
    assert plain.__spec__.origin == spec.origin and plain.__spec__.loader.path == spec.origin

def test_loads_a_copy():
    spec = importlib.util.find_spec("plain")
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    assert copy.PROCESS == os.getpid()

def test_loads_lazily(monkeypatch):
    monkeypatch.delitem(sys.modules, "plain", raising=False)
    spec = importlib.util.find_spec("plain")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    lazy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lazy)
    assert lazy.PROCESS == os.getpid()

def test_imports_an_extension():
    import _decimal, decimal
    assert decimal.Decimal is _decimal.Decimal
    assert _decimal.__spec__ is sys.modules["_decimal"].__spec__

def test_reloads():
    import plain
    plain.PROCESS = None
    assert importlib.reload(plain) is plain and plain.PROCESS is not None

def test_pretends_that_one_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "plain", None)
    with pytest.raises(ImportError):
        import plain

def test_takes_another_of_the_same_name(tmp_path, monkeypatch):
    (tmp_path / "colorsys.py").write_text("OWN = True")
    monkeypatch.syspath_prepend(tmp_path)
    import colorsys
    assert colorsys.OWN
`;
    const project = {
      ...installed({ plain: '' }),
      [`${site}/plain_package/__init__.py`]: '',
      [`${site}/plain_package/part.py`]: '',
      ...failing,
      'tests/test_1.py': first,
      'tests/test_2.py': second,
      'tests/test_3.py': `${first}${second.replaceAll('test_', 'test_also_')}`.replace(
        /def test_also_has_not.*?\n\n/s,
        '',
      ),
      'tests/area/colorsys.py': 'OWN = True\n',
      'tests/area/test_4.py': 'import colorsys\n\ndef test_is_the_near_one():\n    assert colorsys.OWN\n',
    };
    const cold = await pytestResults(cluster, project, { worker: null, variables });
    const warm = await pytestResults(cluster, project, { worker: '', variables });
    for (const [file, { exitCode, console }] of warm) {
      const expected = cold.get(file)?.exitCode;
      expect(exitCode, `${file}\n${console}\n${cold.get(file)?.console}`).to.equal(expected);
    }
    expect(warm.get('tests/test_2.py')?.exitCode).to.equal('0');
    expect(warm.get('tests/area/test_4.py')?.exitCode).to.equal('0');
  });
});
