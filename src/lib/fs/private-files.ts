import { chmodSync, mkdirSync, statSync } from 'node:fs';

/** Creates a folder for its owner only, with its ancestors, or restricts an existing one. */
export function makePrivateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  makePrivate(path);
}

/**
 * Restricts a file or folder to its owner. It is not opened, since closing a file that SQLite has open would release its
 * locks.
 */
export function makePrivate(path: string): void {
  const { mode } = statSync(path);
  if ((mode & 0o077) !== 0) {
    chmodSync(path, mode & 0o700);
  }
}
