import { createHash, type Hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { removeFile } from '../../../lib/fs/remove-file.js';
import { GrowingBuffer } from '../../../lib/text/growing-buffer.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';
import type { AddedFile, ReceivedResult } from '../../state/master-api.js';
import { EntryListWriter } from '../entry-list-writer.js';
import { membersWith } from './added-files.js';
import { incomingPath } from './incoming-archive.js';
import { IncomingFile } from './incoming-file.js';
import { keeping } from './on-disk.js';

const onDisk = keeping('the result', 'make room there, it will be delivered again');

/** Validates an archive piece by piece. */
export interface Inspection {
  pass(chunk: Buffer): Promise<void>;
  end(): void;
}

export interface ReceiveOptions<Head> {
  /** The body: `headBytes` of head, then the archive. */
  readonly chunks: AsyncIterable<Buffer>;
  readonly headBytes: number;
  readonly temporaryDirectory: string;
  /** A faulty slave must not fill the disk in one request. */
  readonly maxArchiveBytes: number;
  /** Throws when the disk has no space for so many more bytes; called before the archive is received, and meanwhile. */
  readonly requireSpace: (bytes: number) => void;
  /** Length of the archive; null when the sender has not announced it. */
  readonly announcedBytes: number | null;
  /** Parses the head, and refuses it by throwing, before the archive is received. */
  readonly readHead: (bytes: Buffer) => Head;
  /** Validates the archive as it arrives, and refuses it by throwing; passes the entries to `list`. */
  readonly inspect: (head: Head, list: EntryListWriter) => Inspection;
  /** Compressed bytes of each member of the archive. */
  readonly membersOf: (head: Head) => readonly number[];
  /** Files that the master adds to the archive; called when the archive is complete and verified. */
  readonly filesToAdd: (head: Head) => Promise<Iterable<AddedFile>>;
  /** Throws unless this is the SHA-256 of the signed body. */
  readonly verify: (sha256: Buffer) => void;
  /** Gets the archive, complete, verified and flushed, at paths that are removed once this has settled. */
  readonly accept: (head: Head, archive: ReceivedResult) => Promise<void>;
}

/**
 * Streams a result to a temporary file, holding the head and a few chunks in memory, and passes it to `accept` when it is
 * complete and its signature verified. No temporary file stays.
 * @throws ClusterRunnerError INVALID_REQUEST, BODY_TOO_LARGE, UNAVAILABLE (the disk does not take it), and what
 * the callbacks throw
 */
export async function receiveResult<Head>(options: ReceiveOptions<Head>): Promise<void> {
  const chunks = options.chunks[Symbol.asyncIterator]();
  try {
    await receive(options, chunks);
  } finally {
    // An open iterator would keep its source from being drained, or from ending.
    await chunks.return?.();
  }
}

async function receive<Head>(options: ReceiveOptions<Head>, chunks: AsyncIterator<Buffer>): Promise<void> {
  const hash = createHash('sha256');
  const { head, rest } = await readHead(chunks, hash, options.headBytes);
  const report = options.readHead(head);
  options.requireSpace(options.announcedBytes ?? 0);
  const temporaryPath = incomingPath(options.temporaryDirectory);
  const list = new EntryListWriter(
    incomingPath(options.temporaryDirectory),
    options.membersOf(report),
    options.requireSpace,
  );
  try {
    const inspection = options.inspect(report, list);
    const addedMembers: number[] = [];
    const added = async () => {
      options.verify(hash.digest());
      inspection.end();
      return membersWith(await options.filesToAdd(report), {
        onFile: (file) => list.noteAdded(file),
        onMember: (bytes) => {
          addedMembers.push(bytes);
          list.noteAddedMember(bytes);
        },
      });
    };
    const bytes = await writeRest(chunks, hash, rest, temporaryPath, options, inspection, added);
    const entryListPath = (await onDisk(() => list.end())) ? list.path : null;
    await options.accept(report, { temporaryPath, bytes, addedMembers, entryListPath });
  } finally {
    await list.close();
    for (const path of [temporaryPath, list.path]) {
      // An accepted one has been moved.
      if (existsSync(path)) {
        await removeFile(path);
      }
    }
  }
}

async function readHead(chunks: AsyncIterator<Buffer>, hash: Hash, headBytes: number) {
  const held = new GrowingBuffer(headBytes);
  while (held.length < headBytes) {
    const next = await chunks.next();
    if (next.done === true) {
      throw new ClusterRunnerError(
        'INVALID_REQUEST',
        `The body ends after ${held.length} bytes, within the report of ${headBytes} bytes that report_bytes announces.`,
      );
    }
    hash.update(next.value);
    if (held.length === 0 && next.value.length >= headBytes) {
      return { head: next.value.subarray(0, headBytes), rest: next.value.subarray(headBytes) };
    }
    held.add(next.value);
  }
  const all = held.view();
  return { head: all.subarray(0, headBytes), rest: all.subarray(headBytes) };
}

/** @param added members that follow the archive; called when the archive is complete. @returns bytes of the flushed file */
async function writeRest(
  chunks: AsyncIterator<Buffer>,
  hash: Hash,
  first: Buffer,
  path: string,
  {
    maxArchiveBytes: maxBytes,
    requireSpace,
  }: Pick<ReceiveOptions<unknown>, 'maxArchiveBytes' | 'requireSpace'>,
  inspection: Inspection,
  added: () => Promise<AsyncIterable<Buffer>>,
): Promise<number> {
  const file = new IncomingFile(path, requireSpace);
  try {
    let bytes = first.length;
    await inspection.pass(first);
    await onDisk(() => file.write(first));
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
      bytes += next.value.length;
      if (bytes > maxBytes) {
        throw new ClusterRunnerError(
          'BODY_TOO_LARGE',
          `The archive of one subjob is larger than ${maxBytes} bytes; let its atoms leave less in $ARTIFACT_DIR.`,
        );
      }
      hash.update(next.value);
      await inspection.pass(next.value);
      await onDisk(() => file.write(next.value));
    }
    for await (const member of await added()) {
      bytes += member.length;
      await onDisk(() => file.write(member));
    }
    await onDisk(() => file.end());
    return bytes;
  } finally {
    await file.close();
  }
}
