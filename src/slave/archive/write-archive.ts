import { createWriteStream, lstatSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { blockGzip } from '../../lib/formats/block-gzip.js';
import { fileEntry, tarHeader, tarPadding } from '../../lib/formats/tar-header.js';
import type { AtomId } from '../../protocol/ids.js';
import { isCommandFile, SETUP_FILE } from '../../protocol/results/archive-names.js';
import type { ResultFacts } from '../../protocol/results/result-facts.js';
import { BLOCK_BYTES, type ConsoleIndex, type ResultIndex } from '../../protocol/results/result-index.js';
import { type ResultLimits, unlimited } from '../../protocol/results/result-limits.js';
import { ArtifactQuota, type FreeBytes, SubjobQuota } from './artifact-quota.js';
import { AtomNotes, NOTES } from './atom-notes.js';
import { ConsoleIndexer } from './console-indexer.js';
import { ifReadable } from './file-source.js';
import { walkDirectory } from './walk-directory.js';

/** What the archive of a subjob is made of: one of its atoms' folders. */
export interface AtomFolder {
  readonly atom: AtomId;
  readonly path: string;
  /** Its name in the archive. */
  readonly name: string;
  /** What the atom has printed, and its name in the folder of the archive. */
  readonly console: { readonly name: string; readonly recorded: RecordedConsole };
  /** Files that are in the archive, whatever the folder has under their names. */
  readonly added: readonly { readonly name: string; readonly content: string; readonly mode: number }[];
}

export interface RecordedConsole {
  readonly size: number;
  /** Bytes that it has lost, because it was too long. */
  readonly cutBytes: number;
  /** Exactly `size` bytes. */
  content(): AsyncIterable<Buffer>;
}

/** Speed counts more than size on the way from a slave to its master. */
const LEVEL = 1;
const DISK_FULL = 'the disk of the slave has no room for it';
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

export interface ArchiveOptions {
  /** None unless given. */
  readonly limits?: ResultLimits;
  /** Of the disk where the archive is written; nobody knows it unless given. */
  readonly freeBytes?: FreeBytes;
  /** Given when the disk has no room for them: without files, or without consoles too. */
  readonly without?: 'files' | 'files and consoles';
}

export interface WrittenArchive extends ResultIndex {
  /** Of those atoms of which there is something to say. */
  readonly facts: ReadonlyMap<AtomId, ResultFacts>;
}

/**
 * Writes the atoms' folders into a `tar.gz` without the blocks that end a tar, so that archives can be put one
 * behind the other. Holds one block in memory, however large the files are. Links stay links. What is left out is named
 * in a file beside the rest: sockets, pipes and devices, links that lead out of the folder, what cannot be read, names
 * that are not UTF-8, what is beyond the limits. A file that shrinks while it is read is filled up with zeros, one that
 * grows is cut.
 * @throws the file system's error when the archive cannot be written
 */
export async function writeArchive(
  folders: readonly AtomFolder[],
  file: string,
  options: ArchiveOptions = {},
): Promise<WrittenArchive> {
  const members: number[] = [];
  const tar = new TarOfFolders(folders, options);
  await pipeline(
    blockGzip(tar.bytes(), {
      blockBytes: BLOCK_BYTES,
      level: LEVEL,
      onMember: (bytes) => members.push(bytes),
    }),
    // Not flushed to the disk: the master refuses what a power cut has damaged, and has the work done again.
    createWriteStream(file),
  );
  return { members, consoles: tar.consoles, facts: tar.facts };
}

class TarOfFolders {
  readonly consoles: ConsoleIndex[] = [];
  readonly facts = new Map<AtomId, ResultFacts>();
  readonly #folders: readonly AtomFolder[];
  readonly #room: SubjobQuota;
  readonly #without: ArchiveOptions['without'] | null;
  #position = 0;

  constructor(folders: readonly AtomFolder[], options: ArchiveOptions) {
    this.#folders = folders;
    this.#without = options.without ?? null;
    this.#room = new SubjobQuota(options.limits ?? unlimited, options.freeBytes ?? (() => null));
  }

  async *bytes(): AsyncGenerator<Buffer> {
    for (const folder of this.#folders) {
      for await (const chunk of this.#entriesOf(folder)) {
        this.#position += chunk.length;
        yield chunk;
      }
    }
  }

  async *#entriesOf(folder: AtomFolder): AsyncGenerator<Buffer> {
    const { added, atom, console } = folder;
    const notes = new AtomNotes();
    const mtime = ifReadable(() => lstatSync(folder.path).mtime) ?? new Date();
    // Together: each piece that is handed on by itself costs more than its bytes.
    yield Buffer.concat([
      tarHeader({ path: `${folder.name}/`, type: 'Directory', size: 0, mode: FOLDER_MODE, mtime }),
      ...added.flatMap(({ name, content, mode }) =>
        fileEntry(`${folder.name}/${name}`, Buffer.from(content), mode, mtime),
      ),
    ]);
    if (this.#without === 'files and consoles') {
      notes.leaveOut(console.name, DISK_FULL);
    }
    yield* this.#console(folder, mtime);
    const { cutBytes } = console.recorded;
    if (cutBytes > 0) {
      notes.cut(console.name, cutBytes, 'because it was too long (console_max_mib_per_atom)');
    }
    const taken = new Set([console.name, NOTES, SETUP_FILE, ...added.map(({ name }) => name)]);
    const isWanted = (name: string) => {
      if (taken.has(name) || isCommandFile(name)) {
        notes.leaveOut(name, 'ClusterRunner writes a file of this name itself');
        return false;
      }
      if (this.#without !== null) {
        notes.leaveOut(name, DISK_FULL);
      }
      return this.#without === null;
    };
    yield* walkDirectory(folder, isWanted, new ArtifactQuota(this.#room), notes);
    const facts = notes.facts();
    if (facts !== null) {
      this.facts.set(atom, facts);
    }
    const text = Buffer.from(notes.text());
    if (text.length > 0) {
      yield Buffer.concat(fileEntry(`${folder.name}/${NOTES}`, text, FILE_MODE, mtime));
    }
  }

  async *#console({ atom, name, console }: AtomFolder, mtime: Date): AsyncGenerator<Buffer> {
    const isWanted = this.#without !== 'files and consoles';
    const size = isWanted ? console.recorded.size : 0;
    const header = tarHeader({ path: `${name}/${console.name}`, type: 'File', size, mode: FILE_MODE, mtime });
    const indexer = new ConsoleIndexer(atom, this.#position + header.length);
    yield header;
    for await (const chunk of isWanted ? console.recorded.content() : []) {
      indexer.pass(chunk);
      yield chunk;
    }
    yield tarPadding(size);
    this.consoles.push(indexer.index());
  }
}
