import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { errorCode } from '../lib/error-code.js';

export interface ProgramCall {
  readonly file: string;
  readonly args: readonly string[];
}

/** Searched after the PATH of this process. */
const USUAL_FOLDERS = ['/bin', '/usr/bin', '/usr/local/bin'];

/** The search takes longer than starting a process, so it is done once. */
let bashFound: Promise<string | null> | undefined;

/**
 * Returns the call that runs shell text: `bash` with pipefail where there is a bash, otherwise `sh`. The shell is searched
 * in the PATH of this process; the PATH of the command may contain other programs.
 */
export async function shellCall(command: string): Promise<ProgramCall> {
  bashFound ??= findBash(process.env.PATH ?? '');
  const bash = await bashFound;
  return bash === null
    ? { file: '/bin/sh', args: ['-c', command] }
    : { file: bash, args: ['-o', 'pipefail', '-c', command] };
}

/** The first bash in `path`, which has the form of $PATH. */
export function findBash(path: string, usualFolders = USUAL_FOLDERS): Promise<string | null> {
  return findProgram('bash', path, usualFolders);
}

/** The first program of that name in `path`, which has the form of $PATH, and then in `usualFolders`. */
export async function findProgram(
  name: string,
  path: string,
  usualFolders: readonly string[],
): Promise<string | null> {
  for (const folder of [...path.split(delimiter), ...usualFolders]) {
    const program = join(folder, name);
    if (folder.startsWith('/') && (await isExecutable(program))) {
      return program;
    }
  }
  return null;
}

/**
 * The same call, which begins when a line arrives on the descriptor, and never begins when that is closed first. So the
 * watchdog can be notified before. The shell replaces itself: no process is added.
 */
export function waitForGo(call: ProgramCall, descriptor: number): ProgramCall {
  const begin = `read -r go <&${descriptor} && exec "$@" ${descriptor}<&-`;
  return { file: '/bin/sh', args: ['-c', begin, 'sh', call.file, ...call.args] };
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch (error) {
    if (errorCode(error) !== undefined) {
      return false;
    }
    throw error;
  }
}
