import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { blockGzip } from '../../src/lib/formats/block-gzip.js';
import { tarHeader, tarPadding } from '../../src/lib/formats/tar-header.js';
import { BLOCK_BYTES, type ResultIndex } from '../../src/protocol/results/result-index.js';

const END_OF_TAR = 1024;

/** A subjob's file as slaves deliver it: one gzip member, a tar without the zero blocks at its end. */
export async function subjobArchive(entries: Readonly<Record<string, string>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(entries)) {
    tar.entry({ name, mtime: new Date(1_700_000_000_000) }, content);
  }
  tar.finalize();
  const whole = await buffer(tar);
  return gzipSync(whole.subarray(0, whole.length - END_OF_TAR));
}

/** The same with an index, in blocks, for a folder with one incompressible file of this size. */
export async function indexedArchive(
  folder: string,
  bytes: number,
): Promise<{ content: Buffer; index: ResultIndex }> {
  const header = tarHeader({
    path: `${folder}/file`,
    type: 'File',
    size: bytes,
    mode: 0o644,
    mtime: new Date(0),
  });
  return blocksOf(Buffer.concat([header, randomBytes(bytes), tarPadding(bytes)]));
}

/** Compresses a tar like a slave. */
export async function blocksOf(tar: Buffer): Promise<{ content: Buffer; index: ResultIndex }> {
  const members: number[] = [];
  const parts: Buffer[] = [];
  const whole = (async function* () {
    yield tar;
  })();
  for await (const part of blockGzip(whole, {
    blockBytes: BLOCK_BYTES,
    level: 1,
    onMember: (n) => members.push(n),
  })) {
    parts.push(part);
  }
  return { content: Buffer.concat(parts), index: { members, consoles: [] } };
}
