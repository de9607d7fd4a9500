import { spawnSync } from 'node:child_process';

/** Makes a file one that nobody can remove. False without root, or where the file system knows no such files. */
export function makeImmutable(file: string): boolean {
  return spawnSync('chattr', ['+i', '--', file]).status === 0;
}

/** Of a file, or of all below a folder. */
export function makeMutable(path: string): void {
  spawnSync('chattr', ['-R', '-i', '--', path]);
}
