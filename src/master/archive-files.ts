import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ClusterRunnerError, messageOf } from '../protocol/errors.js';
import type { BuildId } from '../protocol/ids.js';
import { type ResultIndex, ResultIndexSchema } from '../protocol/result-index.js';
import { jsonColumn } from './store/json.js';

const parseIndex = jsonColumn(ResultIndexSchema, 'index of a result');

/** Where the archive of a subjob is kept. */
export function archivePath(resultsDirectory: string, build: BuildId, subjob: number): string {
  return join(resultsDirectory, String(build), `${subjob}.tar.gz`);
}

/** Where the consoles lie in an archive that is kept. @throws the file system's error */
export async function readIndex(archive: string): Promise<ResultIndex> {
  return parseIndex(await readFile(indexPath(archive), 'utf8'));
}

/**
 * Moves an archive to its place so that it is there, and its index beside it, after a power cut too: the slave
 * deletes its copy when it hears that it was accepted.
 * @throws ClusterRunnerError UNAVAILABLE when the disk does not take it
 */
export async function keepArchive(temporaryPath: string, path: string, index: ResultIndex): Promise<void> {
  try {
    await sync(temporaryPath);
    const made = await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await write(indexPath(path), JSON.stringify(index));
    await rename(temporaryPath, path);
    await sync(dirname(path));
    if (made !== undefined) {
      await sync(dirname(dirname(path)));
    }
  } catch (error) {
    throw new ClusterRunnerError(
      'UNAVAILABLE',
      `The master cannot keep the result on its disk (${messageOf(error)}); mend that, it will be delivered again.`,
      { cause: error },
    );
  }
}

function indexPath(archive: string): string {
  return archive.replace(/\.tar\.gz$/, '.index.json');
}

async function write(path: string, content: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
