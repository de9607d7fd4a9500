import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';

/*
 * Mocha loads this before the tests. They make and delete many thousands of small files and flush hundreds of
 * databases, which on a disk takes as long as all else that they do, and on ext4 without a journal several times as
 * long: there each new file looks at every inode that was deleted in the last minutes. So where there is room in
 * memory the folder for temporary files is there, for the tests and for all that they start. TMPDIR puts it elsewhere.
 */

const MEMORY = '/dev/shm';
/** The tests have 700 MiB at once, of which installed packages are most. */
const NEEDED_BYTES = 4 * 1024 ** 3;

const folder = process.env.TMPDIR === undefined && hasRoom() ? folderInMemory() : null;
if (folder !== null) {
  // The workers of mocha inherit it, and so does what the tests start.
  process.env.TMPDIR = folder;
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
}

/** After all tests. @throws when they have left a file or a folder behind */
export function mochaGlobalTeardown(): void {
  const left = folder === null ? [] : readdirSync(folder);
  if (left.length > 0) {
    throw new Error(`The tests have left temporary files behind: ${left.join(', ')}`);
  }
}

/** Only on Linux; in most containers it is there, and small. */
function hasRoom(): boolean {
  if (!existsSync(MEMORY)) {
    return false;
  }
  const { bavail, bsize } = statfsSync(MEMORY);
  return Math.min(bavail * bsize, freemem()) >= NEEDED_BYTES;
}

function folderInMemory(): string | null {
  const made = mkdtempSync(join(MEMORY, 'clusterrunner-tests-'));
  if (runsPrograms(made)) {
    return made;
  }
  rmSync(made, { recursive: true });
  return null;
}

/** Not where it is mounted with `noexec`. */
function runsPrograms(directory: string): boolean {
  const program = join(directory, 'program');
  writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 });
  const { status } = spawnSync(program);
  rmSync(program);
  return status === 0;
}
