import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

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
export async function findBash(path: string, usualFolders = USUAL_FOLDERS): Promise<string | null> {
  for (const folder of [...path.split(delimiter), ...usualFolders]) {
    const bash = join(folder, 'bash');
    if (folder.startsWith('/') && (await isExecutable(bash))) {
      return bash;
    }
  }
  return null;
}

/**
 * The same call, begun when a line comes on descriptor 3, and never when that is closed before: whoever starts it may
 * have to tell somebody of it first. The shell replaces itself, so no process is added.
 */
export function whenTold(call: ProgramCall): ProgramCall {
  const begin = 'read -r word_to_begin <&3 && exec "$@" 3<&-';
  return { file: '/bin/sh', args: ['-c', begin, 'sh', call.file, ...call.args] };
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error) {
      return false;
    }
    throw error;
  }
}
