import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type Extract, extract } from 'tar-stream';
import type { ArtifactEntry } from '../../protocol/results/artifact.js';
import { DamagedList, EntryList, type OpenedFile } from './entry-list.js';
import { unreadable } from './unreadable.js';

type Entry = Extract extends AsyncIterable<infer E> ? E : never;

/** Decompressed at a time: smaller pieces of a file of gigabytes would starve the event loop. */
const UNPACKED_BYTES = 256 * 1024;

/**
 * A page of the files and links below `folder` in a subjob's archive, in its order, and their total. It is read from the
 * list of entries, or from the archive where there is no list.
 * @throws ClusterRunnerError RESULT_UNREADABLE, the reason of `gone`
 */
export async function listArtifacts(
  archive: string,
  folder: string,
  page: { readonly offset: number; readonly limit: number },
  gone: AbortSignal,
): Promise<{ files: ArtifactEntry[]; total: number }> {
  const scan = () => listFolder(archive, folder, page, gone);
  return await byList(archive, (list) => list.page(folder, page, gone), scan);
}

/** A file of a folder of an archive, found as by `listArtifacts`. null when there is no such file. */
export async function openArtifact(
  archive: string,
  folder: string,
  path: string,
  gone: AbortSignal,
): Promise<OpenedFile | null> {
  const scan = () => openFile(archive, `${folder}/${path}`, gone);
  return await byList(archive, (list) => list.file(folder, path, gone), scan);
}

async function byList<T>(
  archive: string,
  read: (list: EntryList) => Promise<T>,
  scan: () => Promise<T>,
): Promise<T> {
  const list = await EntryList.open(archive);
  try {
    return await (list === null ? scan() : read(list));
  } catch (error) {
    if (error instanceof DamagedList) {
      return await scan();
    }
    throw error;
  }
}

/**
 * The same, always from the archive, which is read once, holding no more than the page. @throws the reason of `gone`
 */
export async function listFolder(
  archive: string,
  folder: string,
  { offset, limit }: { readonly offset: number; readonly limit: number },
  gone: AbortSignal,
): Promise<{ files: ArtifactEntry[]; total: number }> {
  const files: ArtifactEntry[] = [];
  let total = 0;
  for await (const entry of entriesIn(archive, gone)) {
    const shown = shownBelow(folder, entry);
    if (shown !== null) {
      if (total >= offset && files.length < limit) {
        files.push(shown);
      }
      total += 1;
    }
    entry.resume();
  }
  return { files, total };
}

/** A file of an archive, which is read no further than to the file's end. null when there is no such file. */
export async function openFile(archive: string, name: string, gone: AbortSignal): Promise<OpenedFile | null> {
  const entries = entriesIn(archive, gone);
  for (let next = await entries.next(); next.done !== true; next = await entries.next()) {
    const entry = next.value;
    if (entry.header.type === 'file' && entry.header.name === name) {
      const content = Readable.from(contentOf(entry, entries), { objectMode: false });
      // A generator that never began is not ended by its stream, as with the response to a HEAD.
      content.once('close', () => entries.return(undefined));
      return { content, bytes: entry.header.size ?? 0 };
    }
    entry.resume();
  }
  return null;
}

async function* entriesIn(archive: string, gone: AbortSignal): AsyncGenerator<Entry, undefined> {
  gone.throwIfAborted();
  const tar = extract();
  const read = pipeline(createReadStream(archive), createGunzip({ chunkSize: UNPACKED_BYTES }), tar);
  const leave = () => tar.destroy(gone.reason);
  gone.addEventListener('abort', leave, { once: true });
  // A consumer that stops early ends the reading, which is no failure.
  read.catch(() => undefined);
  try {
    yield* tar;
    await read;
  } catch (error) {
    throw gone.aborted ? gone.reason : unreadable(archive, error);
  } finally {
    gone.removeEventListener('abort', leave);
    tar.destroy();
  }
  return undefined;
}

async function* contentOf(entry: Entry, entries: AsyncGenerator<Entry>): AsyncGenerator<unknown> {
  try {
    for await (const chunk of entry) {
      yield chunk;
    }
  } finally {
    await entries.return(undefined);
  }
}

/** null for an entry that is not below the folder, or neither a file nor a link. */
function shownBelow(folder: string, { header }: Entry): ArtifactEntry | null {
  const { name, type, size, linkname } = header;
  if (!name.startsWith(`${folder}/`)) {
    return null;
  }
  const path = name.slice(folder.length + 1);
  switch (type) {
    case 'file':
      return { path, bytes: size ?? 0, link: null };
    case 'symlink':
      return { path, bytes: 0, link: linkname ?? '' };
    default:
      return null;
  }
}
