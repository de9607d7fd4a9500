import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { errorCode } from '../lib/error-code.js';

export interface ProgramCall {
  readonly file: string;
  readonly args: readonly string[];
}

/** Where a shell is when the PATH of this process does not say. */
const USUAL_FOLDERS = ['/bin', '/usr/bin', '/usr/local/bin'];

/** Looking takes longer than starting a process, so it is done once. */
let lookedFor: Promise<string | null> | undefined;

/**
 * How shell text is run: by `bash` with pipefail where there is a bash, else by `sh`. The shell is looked for in
 * the PATH of this process, not in that of the command, which may name other programs.
 */
export async function shellCall(command: string): Promise<ProgramCall> {
  lookedFor ??= findBash(process.env.PATH ?? '');
  const bash = await lookedFor;
  return bash === null
    ? { file: '/bin/sh', args: ['-c', command] }
    : { file: bash, args: ['-o', 'pipefail', '-c', command] };
}

/** The first bash of `path`, which is as in $PATH. */
export function findBash(path: string, usualFolders = USUAL_FOLDERS): Promise<string | null> {
  return findProgram('bash', path, usualFolders);
}

/** The first program of that name in `path`, which is as in $PATH, and then in `usualFolders`. */
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
 * The same call, begun when a line comes on the descriptor, and never when that is closed before: whoever starts it may
 * have to tell somebody of it first. The shell replaces itself, so no process is added.
 */
export function waitForGo(call: ProgramCall, descriptor: number): ProgramCall {
  const begin = `read -r word_to_begin <&${descriptor} && exec "$@" ${descriptor}<&-`;
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
