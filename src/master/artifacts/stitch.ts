import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { pack } from 'tar-stream';
import type { ArchiveContents } from '../contract.js';

const compress = promisify(gzip);

export interface StitchedArchive {
  readonly stream: Readable;
  readonly bytes: number;
}

interface Part {
  readonly file: string;
  readonly bytes: number;
}

/**
 * The build's `tar.gz`: the subjobs' files one after another as they came, then a last gzip member with
 * failures.txt (when an atom failed) and the mark that ends a tar. gzip allows members in a row, so nothing is
 * compressed again. Nothing is opened before the stream is read.
 * @throws the file system's error when a file is not there, before a byte is sent
 */
export async function stitchTar(contents: ArchiveContents): Promise<StitchedArchive> {
  const tail = await lastMember(contents.failedFolders);
  const parts: Part[] = [];
  for (const file of contents.files) {
    parts.push({ file, bytes: (await stat(file)).size });
  }
  const bytes = parts.reduce((sum, part) => sum + part.bytes, tail.length);
  return { stream: Readable.from(read(parts, tail), { objectMode: false }), bytes };
}

async function* read(parts: readonly Part[], tail: Buffer): AsyncGenerator<Buffer> {
  for (const { file, bytes } of parts) {
    let sent = 0;
    for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024 })) {
      sent += chunk.length;
      yield chunk;
    }
    if (sent !== bytes) {
      // The length that was announced is wrong now: breaking off tells the reader, going on would not.
      throw new Error(`${file} had ${bytes} bytes when the download began, and now ${sent}.`);
    }
  }
  yield tail;
}

/** The time is fixed so that the same build gives the same bytes each time. */
async function lastMember(failedFolders: readonly string[]): Promise<Buffer> {
  const tar = pack();
  if (failedFolders.length > 0) {
    const text = failedFolders.map((folder) => `${folder}\n`).join('');
    tar.entry({ name: 'failures.txt', mode: 0o644, mtime: new Date(0) }, text);
  }
  tar.finalize();
  return await compress(await buffer(tar));
}
