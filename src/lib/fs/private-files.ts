import { chmodSync, mkdirSync, statSync } from 'node:fs';

/** Makes a folder that its owner alone may enter, with those above it, or makes it such. */
export function makePrivateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  makePrivate(path);
}

/**
 * Takes a file or folder from everybody but its owner. It is not opened: to close a file that SQLite has open too would
 * give up its locks.
 */
export function makePrivate(path: string): void {
  const { mode } = statSync(path);
  if ((mode & 0o077) !== 0) {
    chmodSync(path, mode & 0o700);
  }
}
