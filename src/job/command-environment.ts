import type { AtomId, BuildId, SubjobId } from '../protocol/ids.js';
import { unmaskProjectDirectory } from './atomizer-output.js';
import type { AtomValue } from './command-string.js';

type Environment = Record<string, string>;

export interface BuildFacts {
  /** Absolute path of the folder with clusterrunner.yaml. */
  readonly projectDirectory: string;
  readonly buildId: BuildId;
}

export interface AtomFacts extends BuildFacts, AtomValue {
  readonly subjobId: SubjobId;
  readonly atomId: AtomId;
  readonly artifactDirectory: string;
  /** From 0 among the executors of this slave. */
  readonly executorIndex: number;
  /** From 0 among all executors that work on this build at the moment. */
  readonly buildExecutorIndex: number;
}

/** Identifies an atom's processes by their environment. */
export const ARTIFACT_DIR = 'ARTIFACT_DIR';
/** The path of a file with the values of the atoms of a batch, one a line. */
export const ATOMS_FILE = 'ATOMS_FILE';
/** Identifies processes of a setup that have left its session, where no other way finds them. */
export const SETUP_MARK = 'CLUSTERRUNNER_SETUP';

/** `true` for a setup whose checkout has the files of the job's cache. */
export const CACHE_HIT = 'CACHE_HIT';

/** The folder of the workers that come with ClusterRunner; a variable of workers. */
const WORKERS_DIR = 'CLUSTERRUNNER_WORKERS';

/** Variables of setup, teardown and atomizers beside those of the slave's environment. */
export function buildEnvironment(facts: BuildFacts): Environment {
  return {
    PROJECT_DIR: facts.projectDirectory,
    CI: 'true',
    CLUSTERRUNNER: 'true',
    BUILD_ID: String(facts.buildId),
  };
}

/** Variables of a worker that hold for all of its atoms, beside those of the slave's environment. */
export function workerEnvironment(
  facts: BuildFacts,
  executorIndex: number,
  workersDirectory: string,
): Environment {
  return {
    ...buildEnvironment(facts),
    ...executorVariables(executorIndex),
    [WORKERS_DIR]: workersDirectory,
  };
}

function executorVariables(index: number): Environment {
  return { EXECUTOR_INDEX: String(index), MACHINE_EXECUTOR_INDEX: String(index) };
}

/** Variables of the commands for a batch of several atoms, beside those of the slave's environment. */
export function batchEnvironment(
  facts: Omit<AtomFacts, 'atomId' | 'variable' | 'value'> & { readonly atomsFile: string },
): Environment {
  return { ...subjobEnvironment(facts), [ATOMS_FILE]: facts.atomsFile };
}

/** Variables of an atom's commands beside those of the slave's environment. */
export function atomEnvironment(facts: AtomFacts): Environment {
  return {
    ...subjobEnvironment(facts),
    ATOM_ID: String(facts.atomId),
    [facts.variable]: unmaskProjectDirectory(facts.value, facts.projectDirectory),
  };
}

function subjobEnvironment(facts: Omit<AtomFacts, 'atomId' | 'variable' | 'value'>): Environment {
  return {
    ...buildEnvironment(facts),
    [ARTIFACT_DIR]: facts.artifactDirectory,
    SUBJOB_ID: String(facts.subjobId),
    ...executorVariables(facts.executorIndex),
    BUILD_EXECUTOR_INDEX: String(facts.buildExecutorIndex),
  };
}

type Given = Readonly<Record<string, string | undefined>>;

/** Variables without which hardly any program runs as its user expects. */
export const basicVariables: readonly string[] = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LANGUAGE',
  'LC_*',
  'TZ',
  'TMPDIR',
  'TERM',
];

/**
 * Variables that git sets for its hooks and `rebase --exec`, and that make any git there work on that repository, wherever it
 * runs: those of `git rev-parse --local-env-vars`, and a few more. Not GIT_CONFIG_COUNT, which only users set.
 */
export const repositoryVariables: ReadonlySet<string> = new Set(
  (
    'GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_CONFIG GIT_CONFIG_PARAMETERS GIT_OBJECT_DIRECTORY GIT_DIR GIT_WORK_TREE ' +
    'GIT_IMPLICIT_WORK_TREE GIT_GRAFT_FILE GIT_INDEX_FILE GIT_NO_REPLACE_OBJECTS GIT_REPLACE_REF_BASE GIT_PREFIX ' +
    'GIT_INTERNAL_SUPER_PREFIX GIT_SHALLOW_FILE GIT_COMMON_DIR GIT_NAMESPACE GIT_QUARANTINE_PATH GIT_REFLOG_ACTION ' +
    'GIT_LITERAL_PATHSPECS GIT_GLOB_PATHSPECS GIT_NOGLOB_PATHSPECS GIT_ICASE_PATHSPECS GIT_ATTR_SOURCE'
  ).split(' '),
);

/**
 * The slave's environment as far as a project's commands may see it: the basic variables and those that `passthrough`
 * names, where `*` stands for any text; `repositoryVariables` must be named in full. Settings of ClusterRunner are never
 * included, since with the secret every test could start builds, nor those of a build in which the slave itself runs.
 */
export function commandEnvironment(env: Given, passthrough: readonly string[]): Environment {
  const allowed = [...basicVariables, ...passthrough].map(patternOf);
  const isAllowed = (name: string) =>
    repositoryVariables.has(name)
      ? passthrough.includes(name)
      : allowed.some((pattern) => pattern.test(name));
  return Object.fromEntries(Object.entries(withoutOwn(env)).filter(([name]) => isAllowed(name)));
}

/** The environment of programs that ClusterRunner runs for itself, such as git: all but its own settings. */
export function ownEnvironment(env: Given): Environment {
  return withoutOwn(env);
}

function withoutOwn(env: Given): Environment {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value === undefined || name.startsWith('CLUSTERRUNNER_') || ownVariables.has(name)
        ? []
        : [[name, value]],
    ),
  );
}

function patternOf(name: string): RegExp {
  const parts = name.split('*').map((part) => part.replace(/[^A-Za-z0-9_]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

/** Variables that ClusterRunner sets itself. */
export const ownVariables: ReadonlySet<string> = new Set([
  'PROJECT_DIR',
  ARTIFACT_DIR,
  ATOMS_FILE,
  'ATOM_ID',
  'SUBJOB_ID',
  'BUILD_ID',
  'EXECUTOR_INDEX',
  'MACHINE_EXECUTOR_INDEX',
  'BUILD_EXECUTOR_INDEX',
  CACHE_HIT,
  'CI',
  'CLUSTERRUNNER',
]);

/** Variables that a shell sets or interprets, so that a value would be lost, or do something else. */
const shellVariables: ReadonlySet<string> = new Set(
  (
    '_ PATH IFS ENV PWD OLDPWD SHLVL UID EUID PPID GROUPS RANDOM SRANDOM SECONDS LINENO FUNCNAME DIRSTACK PIPESTATUS ' +
    'EPOCHSECONDS EPOCHREALTIME HISTCMD OPTIND OPTARG OPTERR SHELLOPTS BASHOPTS POSIXLY_CORRECT PS4 CDPATH GLOBIGNORE ' +
    'HOSTTYPE MACHTYPE OSTYPE COMP_WORDBREAKS TMOUT FIGNORE EXECIGNORE GLOBSORT'
  ).split(' '),
);

/** Why an atomizer cannot set a variable of this name, as the end of a sentence; null when it can. */
export function variableProblem(name: string): string | null {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return 'is not a name that a variable can have (letters, digits and _, not beginning with a digit)';
  }
  if (ownVariables.has(name)) {
    return 'is set by ClusterRunner itself; choose another name';
  }
  if (shellVariables.has(name) || /^(BASH|LD_|DYLD_)/.test(name)) {
    return 'has a meaning of its own to the shell or the system; choose another name';
  }
  return null;
}

/** Why an atom cannot have this value, as the end of a sentence; null when it can. */
export function valueProblem(value: string): string | null {
  return value.includes('\0') ? 'holds a NUL character, which no environment variable can' : null;
}
