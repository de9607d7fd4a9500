import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/* Files for their owner only, which other processes see whole or not at all. */

interface WriteOptions {
  /** The text is on the disk before it gets its name: after a crash of the machine too, the file is not half of it. */
  readonly isFlushed?: boolean;
}

/** The file has its old text or the new one at every moment. @throws the file system's error */
export function replaceFile(file: string, text: string, options?: WriteOptions): void {
  const temporary = writeTemporary(file, text, options);
  try {
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Writes the text to a new file beside `file`. @returns its path @throws the file system's error */
export function writeTemporary(file: string, text: string, { isFlushed = false }: WriteOptions = {}): string {
  const temporary = `${file}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`;
  const fd = openSync(temporary, 'wx', 0o600);
  try {
    writeFileSync(fd, text);
    if (isFlushed) {
      fsyncSync(fd);
    }
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  return temporary;
}
