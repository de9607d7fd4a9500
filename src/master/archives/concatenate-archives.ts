import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { fileEntry } from '../../lib/formats/tar-header.js';
import type { ArchiveContents } from '../state/master-api.js';
import { FAILURES_FILE, failuresText } from './failures-file.js';
import { unreadable } from './unreadable.js';

const compress = promisify(gzip);
/** Two blocks of zeros end a tar. */
const END_MARK_BYTES = 1024;

export interface ConcatenatedArchive {
  readonly bytes: number;
  /** Identifies the bytes, since results do not change once their build has ended. */
  readonly tag: string;
  /** From byte `start` to before byte `end`. No file is opened before it is read. */
  read(start: number, end: number): Readable;
}

interface Part {
  readonly file: string;
  readonly bytes: number;
}

/**
 * The build's `tar.gz`: the subjobs' archives one after another, then a last gzip member with failures.txt (when an atom
 * failed) and the end-of-archive mark. The format of gzip allows concatenation, so nothing is compressed again, and any
 * range can be read without the rest.
 * @throws ClusterRunnerError RESULT_UNREADABLE when an archive is missing
 */
export async function concatenateArchives(contents: ArchiveContents): Promise<ConcatenatedArchive> {
  const tail = await lastMember(contents.failedFolders);
  const parts: Part[] = [];
  for (const file of contents.files) {
    parts.push({ file, bytes: await sizeOf(file) });
  }
  const bytes = parts.reduce((sum, part) => sum + part.bytes, tail.length);
  const sizes = parts.map((part) => part.bytes);
  const tag = createHash('sha256').update(JSON.stringify(sizes)).update(tail).digest('hex').slice(0, 20);
  return {
    bytes,
    tag,
    read: (start, end) => Readable.from(read(parts, tail, start, end), { objectMode: false }),
  };
}

/**
 * The same of a running build: each archive once it has arrived. An empty batch becomes an empty gzip member, which keeps
 * the connection alive. `ended` is called after the last batch; null means that the build ended without results.
 * @throws Error when there are no results after all, so that the download breaks off
 */
export async function* concatenateArriving(
  batches: AsyncIterable<readonly string[]>,
  ended: () => Promise<Pick<ArchiveContents, 'failedFolders'> | null>,
): AsyncGenerator<Buffer> {
  for await (const files of batches) {
    if (files.length === 0) {
      yield await compress(Buffer.alloc(0));
    }
    for (const file of files) {
      const bytes = await sizeOf(file);
      yield* readFile(file, bytes, 0, bytes);
    }
  }
  const contents = await ended();
  if (contents === null) {
    throw new Error('The build has not come to its end.');
  }
  yield await lastMember(contents.failedFolders);
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    throw unreadable(file, error);
  }
}

async function* read(
  parts: readonly Part[],
  tail: Buffer,
  start: number,
  end: number,
): AsyncGenerator<Buffer> {
  let position = 0;
  for (const { file, bytes } of parts) {
    const from = Math.max(0, start - position);
    const to = Math.min(bytes, end - position);
    if (from < to) {
      yield* readFile(file, bytes, from, to);
    }
    position += bytes;
  }
  yield tail.subarray(Math.max(0, start - position), Math.max(0, end - position));
}

async function* readFile(file: string, bytes: number, from: number, to: number): AsyncGenerator<Buffer> {
  let sent = 0;
  for await (const chunk of createReadStream(file, { start: from, end: to - 1, highWaterMark: 256 * 1024 })) {
    sent += chunk.length;
    yield chunk;
  }
  if (sent !== to - from) {
    // Content-Length is wrong now, so the download must break off.
    throw new Error(`${file} had ${bytes} bytes when the download began, and is shorter now.`);
  }
}

/** The modification time is fixed, so that a build has the same bytes each time. */
async function lastMember(failedFolders: readonly string[]): Promise<Buffer> {
  const text = failuresText(failedFolders);
  const file = text === null ? [] : fileEntry(FAILURES_FILE, Buffer.from(text), 0o644, new Date(0));
  return await compress(Buffer.concat([...file, Buffer.alloc(END_MARK_BYTES)]));
}
