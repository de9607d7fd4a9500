import { basename, dirname, join, resolve } from 'node:path';
import { createStream } from 'rotating-file-stream';
import type { LoadedConfig } from '../../config/load.js';
import { isInPseudoFileSystem } from '../../lib/fs/pseudo-file-system.js';

/** Rotated files that are kept. */
const BACKUPS = 5;
/** Lines are dropped while more than this waits to be written. */
const MAX_WAITING_BYTES = 1024 * 1024;

export interface ServiceFile {
  /** Appends a line, which ends in a line feed. */
  write(line: string): void;
  /** Resolves when everything is in the file. */
  close(): Promise<void>;
}

/**
 * Opens a file that a service appends to, rotated by `max_log_file_size`. A relative name is in the folder `log` of the
 * base directory. A file that cannot be written is given up with one message on stderr, and the service goes on.
 */
export function openServiceFile(
  { baseDirectory, maxLogFileSize }: Pick<LoadedConfig, 'baseDirectory' | 'maxLogFileSize'>,
  name: string,
): ServiceFile {
  const path = resolve(join(baseDirectory, 'log'), name);
  if (isInPseudoFileSystem(path)) {
    process.stderr.write(
      `clusterrunner: ${path} cannot be written and is given up: no files can be made there\n`,
    );
    return { write: () => undefined, close: () => Promise.resolve() };
  }
  const stream = createStream(basename(path), {
    path: dirname(path),
    size: `${maxLogFileSize}B`,
    rotate: BACKUPS,
    mode: 0o600,
  });
  let isUsable = true;
  stream.on('error', (error) => {
    if (isUsable) {
      isUsable = false;
      process.stderr.write(`clusterrunner: ${path} cannot be written and is given up: ${error.message}\n`);
    }
  });
  return {
    write(line) {
      if (isUsable && stream.writableLength < MAX_WAITING_BYTES) {
        stream.write(line);
      }
    },
    close: () =>
      new Promise((done) => {
        if (isUsable) {
          stream.once('close', done).once('error', () => done());
          stream.end(done);
        } else {
          done();
        }
      }),
  };
}
