import { gzipSync } from 'node:zlib';
import { blockGzip } from '../../../lib/formats/block-gzip.js';
import { fileEntry } from '../../../lib/formats/tar-header.js';
import { BLOCK_BYTES } from '../../../protocol/results/result-index.js';
import type { AddedFile } from '../../state/master-api.js';

interface Listeners {
  /** Called for each file, with the offset of its bytes in the tar of all of them. */
  readonly onFile: (file: { readonly path: string; readonly bytes: number; readonly offset: number }) => void;
  /** Called with the compressed bytes of each member, in order. */
  readonly onMember: (bytes: number) => void;
}

/** Fast rather than small, as with slaves. */
const LEVEL = 1;
/** Up to this size, synchronous compression takes less time than the thread pool. */
const SMALL_BYTES = 32 * 1024;

/**
 * The files as gzip members that can follow an archive: a tar without its end-of-archive mark, in blocks. Holds one block
 * and one file. Yields nothing without files.
 */
export async function* membersWith(files: Iterable<AddedFile>, listeners: Listeners): AsyncGenerator<Buffer> {
  const entries = entriesOf(files, listeners);
  const first: Buffer[] = [];
  let bytes = 0;
  for (let next = entries.next(); next.done !== true; next = entries.next()) {
    first.push(next.value);
    bytes += next.value.length;
    if (bytes > SMALL_BYTES) {
      yield* blockGzip(bothOf(first, entries), {
        blockBytes: BLOCK_BYTES,
        level: LEVEL,
        onMember: listeners.onMember,
      });
      return;
    }
  }
  if (bytes > 0) {
    const member = gzipSync(Buffer.concat(first), { level: LEVEL });
    listeners.onMember(member.length);
    yield member;
  }
}

function* entriesOf(files: Iterable<AddedFile>, { onFile }: Listeners): Generator<Buffer> {
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
