import { appendFile, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { removeTree } from '../../lib/remove-tree.js';
import type { AtomId, BuildId } from '../../protocol/ids.js';
import type { ConsolePage } from '../../protocol/work.js';
import { type ConsoleSource, type PageRequest, readPage } from './page.js';

/** When a file has grown beyond this … */
const MAX_BYTES = 2 * 1024 * 1024;
/** … only its end is kept, at most this much. */
const KEPT_BYTES = 1024 * 1024;
const PIECE_BYTES = 64 * 1024;
const LINE_END = 0x0a;

interface State {
  bytes: number;
  /** Line ends in the file. */
  lineEnds: number;
  endsInLine: boolean;
  /** Lines that came before those in the file. */
  dropped: number;
}

interface Entry {
  state: State | null;
  /** Settles when everything that was asked of this file so far is done. */
  tail: Promise<unknown>;
}

/**
 * What running atoms have printed so far, as their slaves report it: a file for each, of bounded size, that is
 * thrown away when the result arrives, and kept when it never does.
 */
export class LiveConsoles {
  readonly directory: string;
  readonly #entries = new Map<string, Entry>();
  /** Atoms that have a file, of this run of the master: most never get one, and need not be looked for. */
  readonly #written = new Map<BuildId, Set<AtomId>>();
  /** Builds that have a folder from an earlier run, read when it is first asked for. */
  #earlier: Promise<Set<string>> | null = null;

  constructor(directory: string) {
    this.directory = directory;
  }

  /**
   * Appends what the slave saw next. With `linesBefore` there is a gap: it is behind so many lines, and what was there
   * is dropped.
   */
  async append(build: BuildId, atom: AtomId, bytes: Buffer, linesBefore?: number): Promise<void> {
    const file = this.#file(build, atom);
    this.#written.set(build, (this.#written.get(build) ?? new Set()).add(atom));
    await this.#inTurn(file, async (state) => {
      await mkdir(this.#folder(build), { recursive: true, mode: 0o700 });
      if (linesBefore !== undefined) {
        await rm(file, { force: true });
        Object.assign(state, { bytes: 0, lineEnds: 0, endsInLine: false, dropped: linesBefore });
      }
      await appendFile(file, bytes);
      Object.assign(state, {
        bytes: state.bytes + bytes.length,
        lineEnds: state.lineEnds + countLineEnds(bytes),
        endsInLine: bytes.length > 0 ? bytes.at(-1) !== LINE_END : state.endsInLine,
      });
      if (state.bytes > MAX_BYTES) {
        await keepEnd(file, state);
      }
    });
  }

  /** null when nothing was reported of this atom. The page starts after the lines that were dropped. */
  async read(build: BuildId, atom: AtomId, request: PageRequest): Promise<ConsolePage | null> {
    const file = this.#file(build, atom);
    return this.#inTurn(file, async (state) => {
      if (state.bytes === 0) {
        this.#entries.delete(file);
        return null;
      }
      const { dropped } = state;
      const source: ConsoleSource = {
        totalLines: dropped + state.lineEnds + (state.endsInLine ? 1 : 0),
        placeBefore: () => ({ position: 0, lineEnds: dropped }),
        read: (position) => piecesOf(file, position),
      };
      return withoutCutCharacter(
        await readPage(source, {
          offsetLine: request.offsetLine === null ? null : Math.max(request.offsetLine, dropped),
          maxLines: Math.min(request.maxLines, source.totalLines - dropped),
        }),
      );
    });
  }

  /** A new attempt starts from nothing; and an atom whose result is there needs it no more. */
  async forget(build: BuildId, atoms: readonly AtomId[]): Promise<void> {
    this.#earlier ??= namesIn(this.directory);
    const isOfEarlier = (await this.#earlier).has(String(build));
    const written = this.#written.get(build);
    for (const atom of atoms) {
      if (!isOfEarlier && written?.delete(atom) !== true) {
        continue;
      }
      const file = this.#file(build, atom);
      await this.#inTurn(file, async () => {
        this.#entries.delete(file);
        await rm(file, { force: true });
      });
    }
    if (written?.size === 0 && this.#written.get(build) === written) {
      this.#written.delete(build);
    }
  }

  /** For a build that is forgotten altogether. */
  async forgetBuild(build: BuildId): Promise<void> {
    const folder = this.#folder(build);
    this.#written.delete(build);
    (await this.#earlier)?.delete(String(build));
    for (const file of this.#entries.keys()) {
      if (dirname(file) === folder) {
        this.#entries.delete(file);
      }
    }
    await removeTree(folder);
  }

  #folder(build: BuildId): string {
    return join(this.directory, String(build));
  }

  #file(build: BuildId, atom: AtomId): string {
    return join(this.#folder(build), `${atom}.console`);
  }

  /** One thing at a time for each file. */
  #inTurn<T>(file: string, work: (state: State) => Promise<T>): Promise<T> {
    const entry = this.#entries.get(file) ?? { state: null, tail: Promise.resolve() };
    this.#entries.set(file, entry);
    const done = entry.tail.then(async () => {
      entry.state ??= await stateOf(file);
      return work(entry.state);
    });
    entry.tail = done.catch(() => undefined);
    return done;
  }
}

/** The rest of a character with which a slave's last report ended comes with its next one. */
function withoutCutCharacter(page: ConsolePage): ConsolePage {
  return { ...page, content: page.content.replace(/\uFFFD+$/, '') };
}

/** Of a file that an earlier run of the master wrote, what the file itself tells. */
async function stateOf(file: string): Promise<State> {
  const bytes = await readIfThere(file);
  return {
    bytes: bytes.length,
    lineEnds: countLineEnds(bytes),
    endsInLine: bytes.length > 0 && bytes.at(-1) !== LINE_END,
    dropped: 0,
  };
}

async function keepEnd(file: string, state: State): Promise<void> {
  const all = await readFile(file);
  const roughly = all.length - KEPT_BYTES;
  const lineEnd = all.indexOf(LINE_END, roughly);
  const cut = lineEnd === -1 ? roughly : lineEnd + 1;
  const kept = all.subarray(cut);
  await writeFile(file, kept);
  const lineEnds = countLineEnds(kept);
  state.dropped += state.lineEnds - lineEnds;
  state.lineEnds = lineEnds;
  state.bytes = kept.length;
}

async function namesIn(directory: string): Promise<Set<string>> {
  try {
    return new Set(await readdir(directory));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return new Set();
    }
    throw error;
  }
}

async function readIfThere(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return Buffer.alloc(0);
    }
    throw error;
  }
}

async function* piecesOf(file: string, position: number): AsyncGenerator<Buffer> {
  const handle = await open(file, 'r');
  try {
    for (let at = position; ; ) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(PIECE_BYTES), 0, PIECE_BYTES, at);
      if (bytesRead === 0) {
        return;
      }
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

function countLineEnds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_END); at !== -1; at = bytes.indexOf(LINE_END, at + 1)) {
    count += 1;
  }
  return count;
}
