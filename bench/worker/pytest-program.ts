import { spawnSync } from 'node:child_process';

/** A Python with pytest, and the libraries that it has besides. */
export interface PytestProgram {
  /** Path of the interpreter. */
  readonly python: string;
  readonly version: string;
  readonly pytest: string;
  /** The version of pytest-xdist; null without it. */
  readonly xdist: string | null;
  /** Those of OPTIONAL_LIBRARIES that can be imported. */
  readonly libraries: readonly string[];
}

/** Libraries that generated tests use where they are installed. */
export const OPTIONAL_LIBRARIES = [
  'yaml',
  'attr',
  'cryptography.x509',
  'jwt',
  'pygments.lexers',
  'requests',
  'numpy',
];

/** `python3` in PATH may be a script of a version manager, which would be measured too; sys.executable is not. */
const CANDIDATES = ['python3', '/usr/bin/python3'];

const FIND = `
import importlib, json, platform, sys
def version(name):
    try:
        return importlib.import_module(name).__version__
    except ImportError:
        return None
def exists(name):
    try:
        return bool(importlib.import_module(name))
    except ImportError:
        return False
print(json.dumps({"python": sys.executable, "version": platform.python_version(), "pytest": version("pytest"),
    "xdist": version("xdist"), "libraries": [name for name in sys.argv[1:] if exists(name)]}))
`;

/** The first Python with pytest and pytest-xdist; without such, the first with pytest; null if there is none. */
export function findPytest(): PytestProgram | null {
  const found = CANDIDATES.flatMap((python) => {
    const { status, stdout } = spawnSync(python, ['-c', FIND, ...OPTIONAL_LIBRARIES], { encoding: 'utf8' });
    const program = status === 0 ? JSON.parse(stdout) : null;
    return program === null || program.pytest === null ? [] : [program];
  });
  return found.find(({ xdist }) => xdist !== null) ?? found[0] ?? null;
}

/** Without the variables of Python, some of which would change what is measured. */
export function pytestEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('PYTHON')));
}
