import { gzipSync } from 'node:zlib';
import { blockGzip } from '../../../lib/formats/block-gzip.js';
import { fileEntry } from '../../../lib/formats/tar-header.js';
import { BLOCK_BYTES } from '../../../protocol/results/result-index.js';

/** A file that the master itself writes into the archive of a subjob. */
export interface AddedFile {
  /** Begins with the folder of its atom. */
  readonly path: string;
  readonly content: string;
  readonly mode: number;
  readonly mtime: Date;
}

interface Told {
  /** Of each file, where its bytes begin in the tar of all of them. */
  readonly onFile: (file: { readonly path: string; readonly bytes: number; readonly offset: number }) => void;
  /** Compressed bytes of each member, in order. */
  readonly onMember: (bytes: number) => void;
}

/** Fast rather than small, as slaves compress. */
const LEVEL = 1;
/** A trip through the thread pool, and a block to fill, take longer than this much of work. */
const SMALL_BYTES = 32 * 1024;

/**
 * The files as gzip members that can stand behind an archive: a tar without the mark of its end, in blocks. Holds one
 * block and one file. Nothing comes of no files.
 */
export async function* membersWith(files: Iterable<AddedFile>, told: Told): AsyncGenerator<Buffer> {
  const entries = entriesOf(files, told);
  const first: Buffer[] = [];
  let bytes = 0;
  for (let next = entries.next(); next.done !== true; next = entries.next()) {
    first.push(next.value);
    bytes += next.value.length;
    if (bytes > SMALL_BYTES) {
      yield* blockGzip(bothOf(first, entries), {
        blockBytes: BLOCK_BYTES,
        level: LEVEL,
        onMember: told.onMember,
      });
      return;
    }
  }
  if (bytes > 0) {
    const member = gzipSync(Buffer.concat(first), { level: LEVEL });
    told.onMember(member.length);
    yield member;
  }
}

function* entriesOf(files: Iterable<AddedFile>, { onFile }: Told): Generator<Buffer> {
  let position = 0;
  for (const { path, content, mode, mtime } of files) {
    const bytes = Buffer.from(content);
    const [header = bytes, ...rest] = fileEntry(path, bytes, mode, mtime);
    onFile({ path, bytes: bytes.length, offset: position + header.length });
    const entry = Buffer.concat([header, ...rest]);
    position += entry.length;
    yield entry;
  }
}

async function* bothOf(first: readonly Buffer[], rest: Iterable<Buffer>): AsyncGenerator<Buffer> {
  yield* first;
  yield* rest;
}
