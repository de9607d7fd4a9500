import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';

/*
 * Mocha loads this before the tests. They make and delete many thousands of small files and flush hundreds of
 * databases, which on a disk takes as long as everything else that they do. On ext4 without a journal it takes
 * several times as long, since for each new file it looks at every inode deleted in the last minutes. So the
 * temporary folder of the tests and their processes is in memory, if there is space. TMPDIR overrides it.
 */

const MEMORY = '/dev/shm';
/** The peak of the tests is 700 MiB, mostly installed packages. */
const NEEDED_BYTES = 4 * 1024 ** 3;

const folder = process.env.TMPDIR === undefined && hasRoom() ? folderInMemory() : null;
if (folder !== null) {
  // Mocha's workers and the processes of the tests inherit it.
  process.env.TMPDIR = folder;
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
}

/** Runs after all tests. @throws when they have left a file or a folder behind */
export function mochaGlobalTeardown(): void {
  const left = folder === null ? [] : readdirSync(folder);
  if (left.length > 0) {
    throw new Error(`The tests have left temporary files behind: ${left.join(', ')}`);
  }
}

/** On Linux only; most containers have it, but small. */
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

/** Unless it is mounted with `noexec`. */
function runsPrograms(directory: string): boolean {
  const program = join(directory, 'program');
  writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 });
  const { status } = spawnSync(program);
  rmSync(program);
  return status === 0;
}
