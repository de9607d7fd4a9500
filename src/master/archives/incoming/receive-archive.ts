import { createHash, type Hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { removeFile } from '../../../lib/fs/remove-file.js';
import { GrowingBuffer } from '../../../lib/text/growing-buffer.js';
import { ClusterRunnerError, reasonWithoutPaths } from '../../../protocol/errors.js';
import type { ReceivedResult } from '../../state/master-api.js';
import { EntryListWriter } from '../entry-list.js';
import { type AddedFile, membersWith } from './added-files.js';
import { incomingPath } from './incoming-archive.js';
import { IncomingFile } from './incoming-file.js';

/** Of an archive, piece by piece. */
export interface Inspection {
  pass(chunk: Buffer): Promise<void>;
  end(): void;
}

export interface ReceiveOptions<Head> {
  /** The body: `headBytes` of head, the archive to its end. */
  readonly chunks: AsyncIterable<Buffer>;
  readonly headBytes: number;
  readonly temporaryDirectory: string;
  /** A slave gone wild must not fill the disk in one request. */
  readonly maxArchiveBytes: number;
  /** Throws when so many bytes more should not be written; asked before the archive is received, and as it comes. */
  readonly requireRoom: (bytes: number) => void;
  /** Of the archive, if its sender has said so. */
  readonly announcedBytes: number | null;
  /** Reads the head and refuses it, by throwing, before the archive is received. */
  readonly readHead: (bytes: Buffer) => Head;
  /** Looks at the archive while it comes, and refuses it by throwing; gives `list` the entries. */
  readonly inspect: (head: Head, list: EntryListWriter) => Inspection;
  /** Compressed bytes of each member of the archive. */
  readonly membersOf: (head: Head) => readonly number[];
  /** What the master itself puts behind the archive; asked when that is there, whole and verified. */
  readonly filesToAdd: (head: Head) => Promise<Iterable<AddedFile>>;
  /** Throws unless this is the SHA-256 of the body that was signed. */
  readonly verify: (sha256: Buffer) => void;
  /** Has the archive, whole, verified and on the disk, at paths that are removed once this has settled. */
  readonly accept: (head: Head, archive: ReceivedResult) => Promise<void>;
}

/**
 * Streams a result to a temporary file, holding no more than the head and a few chunks in memory, and hands it on
 * when every byte is there and is what was signed. Whatever happens, no temporary file stays.
 * @throws ClusterRunnerError INVALID_REQUEST, BODY_TOO_LARGE, UNAVAILABLE (the disk does not take it), and what
 * the callbacks throw
 */
export async function receiveResult<Head>(options: ReceiveOptions<Head>): Promise<void> {
  const chunks = options.chunks[Symbol.asyncIterator]();
  try {
    await receive(options, chunks);
  } finally {
    // An iterator that is left open would keep its source from being read on, or seen to end.
    await chunks.return?.();
  }
}

async function receive<Head>(options: ReceiveOptions<Head>, chunks: AsyncIterator<Buffer>): Promise<void> {
  const hash = createHash('sha256');
  const { head, rest } = await readHead(chunks, hash, options.headBytes);
  const report = options.readHead(head);
  options.requireRoom(options.announcedBytes ?? 0);
  const temporaryPath = incomingPath(options.temporaryDirectory);
  const list = new EntryListWriter(
    incomingPath(options.temporaryDirectory),
    options.membersOf(report),
    options.requireRoom,
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
      // One that was accepted has been moved.
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

/**
 * Returns how many bytes are in the file, and on the disk. `added`, asked when all of the archive has come, is what
 * stands behind it.
 */
async function writeRest(
  chunks: AsyncIterator<Buffer>,
  hash: Hash,
  first: Buffer,
  path: string,
  {
    maxArchiveBytes: maxBytes,
    requireRoom,
  }: Pick<ReceiveOptions<unknown>, 'maxArchiveBytes' | 'requireRoom'>,
  inspection: Inspection,
  added: () => Promise<AsyncIterable<Buffer>>,
): Promise<number> {
  const file = new IncomingFile(path, requireRoom);
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

/** A full disk is no programming error: the slave keeps its result and delivers it when there is room. */
async function onDisk<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof ClusterRunnerError) {
      throw error;
    }
    throw new ClusterRunnerError(
      'UNAVAILABLE',
      `The master cannot keep the result on its disk (${reasonWithoutPaths(error)}); make room there, it will be delivered again.`,
      { cause: error },
    );
  }
}
