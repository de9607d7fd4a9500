import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hasCode } from '../lib/error-code.js';
import { readRegularFile } from '../lib/fs/read-regular-file.js';

/*
 * Files that other processes see whole or not at all. All are for their owner only.
 */

/** The file has the old text or the new one at every moment. */
export function replace(file: string, text: string): void {
  const temporary = writeTemporary(file, text);
  try {
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** On disk before it gets its name: a crash leaves the old file or the new one, not half of it. */
export function writeTemporary(file: string, text: string): string {
  const temporary = `${file}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`;
  const fd = openSync(temporary, 'wx', 0o600);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return temporary;
}

/** null when it is not there. */
export function readIfThere(file: string): string | null {
  let text: string | null = null;
  tolerating('ENOENT', () => {
    text = readRegularFile(file);
  });
  return text;
}

/** Runs the action; an error of the system with this code is no error. */
export function tolerating(code: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!hasCode(error, code)) {
      throw error;
    }
  }
}
