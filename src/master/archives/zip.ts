import { createReadStream } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type Extract, extract } from 'tar-stream';
import { ZipFile } from 'yazl';
import type { ArchiveContents } from '../state/master-api.js';
import { FAILURES_FILE, failuresText } from './failures-file.js';

type Entry = Extract extends AsyncIterable<infer E> ? E : never;

const LINK_MODE = 0o120777;
const FILE_TYPE = 0o100000;
const PERMISSIONS = 0o777;

/**
 * The build's results as a zip that is made while it is read, one entry at a time. So memory holds only a piece of one file
 * and the names for the zip's directory. The stream fails with the error when an archive cannot be read.
 * @param below only the entry of that name and those in it; all unless given
 */
export function zipStream(contents: ArchiveContents, below: string | null = null): Readable {
  const zip = new ZipFile();
  const out = new PassThrough();
  zip.outputStream.pipe(out);
  fill(zip, contents, below, out).catch((error: unknown) => {
    out.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  return out;
}

async function fill(
  zip: ZipFile,
  contents: ArchiveContents,
  below: string | null,
  out: PassThrough,
): Promise<void> {
  for (const file of contents.files) {
    const tar = extract();
    // The archive is read no further than the entry that the zip is taking in.
    await Promise.all([
      pipeline(createReadStream(file), createGunzip(), tar),
      (async () => {
        for await (const entry of tar) {
          if (isBelow(entry.header.name, below)) {
            await add(zip, entry, out);
          } else {
            await drain(entry);
          }
        }
      })(),
    ]);
  }
  const text = failuresText(contents.failedFolders);
  if (text !== null) {
    zip.addBuffer(Buffer.from(text), FAILURES_FILE, { mtime: new Date(0) });
  }
  zip.end();
}

function isBelow(name: string, folder: string | null): boolean {
  return folder === null || name === folder || name.startsWith(`${folder}/`);
}

async function add(zip: ZipFile, entry: Entry, out: PassThrough): Promise<void> {
  const { type, linkname, mtime, mode } = entry.header;
  const name = zipName(entry.header.name);
  switch (type) {
    case 'file':
      if (entry.header.size === 0) {
        zip.addBuffer(Buffer.alloc(0), name, {
          mtime,
          mode: FILE_TYPE | (mode & PERMISSIONS),
          compress: false,
        });
        break;
      }
      await added(zip, Readable.from(entry, { objectMode: false }), out, name, {
        mtime,
        mode: FILE_TYPE | (mode & PERMISSIONS),
      });
      return;
    case 'symlink':
      zip.addBuffer(Buffer.from(linkname), name, { mtime, mode: LINK_MODE, compress: false });
      break;
    case 'directory':
      zip.addEmptyDirectory(name, { mtime });
      break;
    default:
    // A zip has no devices and the like.
  }
  await drain(entry);
}

/** yazl takes `\` for a separator, and refuses names that lead up. */
function zipName(name: string): string {
  return name.replaceAll('\\', '_');
}

async function drain(entry: Entry): Promise<void> {
  for await (const chunk of entry) {
    // Only the name of such an entry counts; its content, if any, is skipped.
    void chunk;
  }
}

/** Resolves when the zip has read the whole entry; rejects when the zip's own reader is gone. */
function added(
  zip: ZipFile,
  entry: Readable,
  out: PassThrough,
  name: string,
  options: { mtime: Date; mode: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = () => {
      entry.destroy();
      reject(new Error('The reader of the zip went away.'));
    };
    if (out.destroyed) {
      gone();
      return;
    }
    out.once('close', gone);
    entry.once('error', reject);
    entry.once('end', () => {
      out.off('close', gone);
      resolve();
    });
    // yazl keeps this function of each entry to the end of the zip, so it must not hold the entry's stream.
    let once: Readable | null = entry;
    zip.addReadStreamLazy(name, options, (give) => {
      if (once !== null) {
        give(null, once);
        once = null;
      }
    });
  });
}
