import { execa } from 'execa';
import { findProgram } from '../shell.js';
import { hasProcessTable } from './process-table.js';
import { prctlNumber, type WardenLanguage } from './warden.js';

/**
 * How the processes that a command has started are found.
 * subreaper: all of them, as descendants of a warden that starts the command; Linux with perl or python3.
 * session: those that stay in the session of the command, or descend from it through living parents; Linux without these.
 * group: those that stay in the process group of the command; other systems.
 */
export type Containment =
  | { readonly kind: 'subreaper'; readonly language: WardenLanguage; readonly file: string }
  | { readonly kind: 'session' }
  | { readonly kind: 'group' };

let known: Promise<Containment> | null = null;

/** Detects the containment of this machine; done once. */
export function containment(): Promise<Containment> {
  if (known === null) {
    known = findContainment(process.env.PATH ?? '');
    // A caller may start this before it awaits it: a rejection concerns only those who await it.
    known.catch(() => undefined);
  }
  return known;
}

async function findContainment(path: string): Promise<Containment> {
  if (!hasProcessTable()) {
    return { kind: 'group' };
  }
  const number = prctlNumber(process.arch);
  const trials: [WardenLanguage, readonly string[]][] = [
    ...(number === null
      ? []
      : ([['perl', ['-e', `exit(syscall(${number}, 36, 1, 0, 0, 0) == 0 ? 0 : 1)`]]] satisfies [
          WardenLanguage,
          readonly string[],
        ][])),
    [
      'python3',
      ['-I', '-S', '-c', 'import ctypes, sys; sys.exit(ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) != 0)'],
    ],
  ];
  for (const [language, args] of trials) {
    const file = await findProgram(language, path, []);
    // No other variable may change how the interpreters run.
    const env = { PATH: path };
    if (file !== null && (await execa(file, args, { reject: false, env, extendEnv: false })).exitCode === 0) {
      return { kind: 'subreaper', language, file };
    }
  }
  return { kind: 'session' };
}

/** For the log of a slave. */
export function describeContainment(found: Containment): string {
  switch (found.kind) {
    case 'subreaper':
      return `All processes of a build end with it (subreaper, by ${found.language}).`;
    case 'session':
      return 'A process that leaves its session and its environment may outlive its build here; install perl or python3.';
    case 'group':
      return 'A process that leaves its process group may outlive its build on this system.';
  }
}
