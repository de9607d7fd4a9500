import { execa } from 'execa';
import { findProgram } from '../shell.js';
import { hasProcessTable } from './process-table.js';
import { prctlNumber, type WardenLanguage } from './warden.js';

/**
 * How what a command has started is found again.
 * subreaper: all of it stays below the program that started the command, whatever it does; Linux with perl or python3.
 * session: what stays in the session of the command, or in an unbroken line of parents below it; Linux without these.
 * group: what stays in the process group of the command; other systems.
 */
export type Containment =
  | { readonly kind: 'subreaper'; readonly language: WardenLanguage; readonly file: string }
  | { readonly kind: 'session' }
  | { readonly kind: 'group' };

let known: Promise<Containment> | null = null;

/** How processes can be contained on this machine. Tried once. */
export function containment(): Promise<Containment> {
  if (known === null) {
    known = findContainment(process.env.PATH ?? '');
    // A caller may start the trial before it awaits the outcome; the error belongs to whoever awaits it.
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
    // With an environment that cannot change how they run.
    const env = { PATH: path };
    if (file !== null && (await execa(file, args, { reject: false, env, extendEnv: false })).exitCode === 0) {
      return { kind: 'subreaper', language, file };
    }
  }
  return { kind: 'session' };
}

/** One sentence for the log of a slave. */
export function describeContainment(found: Containment): string {
  switch (found.kind) {
    case 'subreaper':
      return `Whatever builds start here ends with them (subreaper, by ${found.language}).`;
    case 'session':
      return 'A process that leaves its session and its environment may outlive its build here; install perl or python3.';
    case 'group':
      return 'A process that leaves its process group may outlive its build on this system.';
  }
}
