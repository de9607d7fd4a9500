import { spawnSync } from 'node:child_process';

/** Makes a file that nobody can remove. False without root, or if the file system has no such files. */
export function makeImmutable(file: string): boolean {
  return spawnSync('chattr', ['+i', '--', file]).status === 0;
}

/** A file, or everything below a folder. */
export function makeMutable(path: string): void {
  spawnSync('chattr', ['-R', '-i', '--', path]);
}
