import { readdirSync } from 'node:fs';
import { appendFile, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ifPresent, ifPresentAsync } from '../../lib/error-code.js';
import { removeTree } from '../../lib/fs/remove-tree.js';
import { countLineEnds, LINE_END } from '../../lib/text/line-ends.js';
import type { ConsolePage } from '../../protocol/build/work.js';
import type { AtomId, BuildId, LeaseId } from '../../protocol/ids.js';
import { type ConsoleSource, type PageRequest, readPage } from './page.js';

/** When a file has grown beyond this size … */
const MAX_BYTES = 2 * 1024 * 1024;
/** … only its end is kept, at most this much. */
const KEPT_BYTES = 1024 * 1024;
const PIECE_BYTES = 64 * 1024;

interface State {
  bytes: number;
  /** Line ends in the file. */
  lineEnds: number;
  endsInLine: boolean;
  /** Lines before those in the file. */
  dropped: number;
}

interface Entry {
  state: State | null;
  /** Settles when all operations on this file so far are done. */
  tail: Promise<unknown>;
}

/** One run of an atom, under one lease. */
export interface ConsoleAttempt {
  readonly build: BuildId;
  readonly atom: AtomId;
  readonly lease: LeaseId;
}

export interface Piece {
  readonly bytes: Buffer;
  /** The console starts again, whatever this attempt has sent before. */
  readonly isStart?: boolean;
  /** There is a gap: so many lines come before the piece, and the content so far is dropped. */
  readonly linesBefore?: number | undefined;
  /** The attempt whose verdict of the atom counts so far. */
  readonly verdictOf: LeaseId | null;
}

/** The console of an attempt, without its beginning when that is not kept any more. */
export interface LiveContent {
  readonly bytes: Buffer;
  /** Lines that are not kept. */
  readonly linesBefore: number;
}

const FILE = /^(\d+)(?:\.(\d+))?\.console$/;
/** For files of an older version, which had one for all attempts. */
const ANY_LEASE = 0;

/**
 * The consoles of running atoms, as their slaves report them. Each attempt has a file of bounded size, which is removed when
 * the result arrives, and kept when it never does. An atom has at most two: of its newest attempt, and of the attempt whose
 * verdict counts.
 */
export class LiveConsoles {
  readonly directory: string;
  readonly #entries = new Map<string, Entry>();
  /** The leases with files by atom. Most atoms never have a file, and cost no file system call. */
  readonly #written = new Map<BuildId, Map<number, Set<number>>>();
  /** Builds with a folder from an earlier run; read on demand. */
  #earlier: Set<string> | null = null;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Appends a piece that a slave has reported. */
  async append(
    attempt: ConsoleAttempt,
    { bytes, isStart = false, linesBefore, verdictOf }: Piece,
  ): Promise<void> {
    const { build, atom, lease } = attempt;
    const ofBuild = this.#ofBuild(build);
    this.#written.set(build, ofBuild);
    const leases = ofBuild.get(atom) ?? new Set<number>();
    ofBuild.set(atom, leases);
    const over = leases.has(lease) ? [] : [...leases].filter((one) => one !== verdictOf);
    leases.add(lease);
    for (const one of over) {
      leases.delete(one);
      await this.#remove(build, atom, one);
    }
    const file = this.#file(build, atom, lease);
    await this.#inTurn(file, async (state) => {
      await mkdir(this.#folder(build), { recursive: true, mode: 0o700 });
      if (linesBefore !== undefined || isStart) {
        await rm(file, { force: true });
        Object.assign(state, { bytes: 0, lineEnds: 0, endsInLine: false, dropped: linesBefore ?? 0 });
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

  /**
   * A page of the console of an attempt; with a null lease, of the newest one. null when nothing was reported. The page
   * starts after dropped lines.
   */
  async read(
    build: BuildId,
    atom: AtomId,
    lease: LeaseId | null,
    request: PageRequest,
  ): Promise<ConsolePage | null> {
    return this.#first(build, atom, lease, (file) => this.#page(file, request));
  }

  /** All of that console that is kept, as a few mebibytes at most. */
  async content(build: BuildId, atom: AtomId, lease: LeaseId | null): Promise<LiveContent | null> {
    return this.#first(build, atom, lease, (file) =>
      this.#inTurn(file, async (state) => {
        if (state.bytes === 0) {
          this.#entries.delete(file);
          return null;
        }
        return { bytes: await readIfThere(file), linesBefore: state.dropped };
      }),
    );
  }

  /** The first of the files of an attempt that has something; with a null lease, of the newest one. */
  async #first<T>(
    build: BuildId,
    atom: AtomId,
    lease: LeaseId | null,
    read: (file: string) => Promise<T | null>,
  ): Promise<T | null> {
    const newest = lease ?? Math.max(ANY_LEASE, ...(this.#ofBuild(build).get(atom) ?? []));
    return (
      (await read(this.#file(build, atom, newest))) ??
      (newest === ANY_LEASE ? null : await read(this.#file(build, atom, ANY_LEASE)))
    );
  }

  /** The whole console of an attempt, a few mebibytes at most; null when nothing was reported. */
  async whole({ build, atom, lease }: ConsoleAttempt): Promise<Buffer | null> {
    for (const one of [lease, ANY_LEASE]) {
      const file = this.#file(build, atom, one);
      const bytes = await this.#inTurn(file, () => readIfThere(file));
      this.#entries.delete(file);
      if (bytes.length > 0) {
        return bytes;
      }
    }
    return null;
  }

  async #page(file: string, request: PageRequest): Promise<ConsolePage | null> {
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

  /** For atoms whose results have arrived. */
  async forget(build: BuildId, atoms: readonly AtomId[]): Promise<void> {
    const ofBuild = this.#ofBuild(build);
    for (const atom of atoms) {
      const leases = ofBuild.get(atom) ?? [];
      ofBuild.delete(atom);
      for (const lease of leases) {
        await this.#remove(build, atom, lease);
      }
    }
    if (ofBuild.size === 0 && this.#written.get(build) === ofBuild) {
      this.#written.delete(build);
    }
  }

  async #remove(build: BuildId, atom: AtomId, lease: number): Promise<void> {
    const file = this.#file(build, atom, lease);
    await this.#inTurn(file, async () => {
      this.#entries.delete(file);
      await rm(file, { force: true });
    });
  }

  /** For a build of an earlier run, this is read from the names on the disk. */
  #ofBuild(build: BuildId): Map<number, Set<number>> {
    const known = this.#written.get(build);
    if (known !== undefined) {
      return known;
    }
    this.#earlier ??= new Set(namesIn(this.directory));
    const found = new Map<number, Set<number>>();
    if (this.#earlier.has(String(build))) {
      for (const name of namesIn(this.#folder(build))) {
        const [, atom, lease] = FILE.exec(name) ?? [];
        if (atom !== undefined) {
          const leases = found.get(Number(atom)) ?? new Set();
          found.set(Number(atom), leases.add(Number(lease ?? ANY_LEASE)));
        }
      }
      this.#written.set(build, found);
    }
    return found;
  }

  /** For a build that is deleted. */
  async forgetBuild(build: BuildId): Promise<void> {
    const folder = this.#folder(build);
    this.#written.delete(build);
    this.#earlier?.delete(String(build));
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

  #file(build: BuildId, atom: AtomId, lease: number): string {
    return join(this.#folder(build), lease === ANY_LEASE ? `${atom}.console` : `${atom}.${lease}.console`);
  }

  /** Serializes the operations on each file. */
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

/** A report may end within a character, whose rest comes with the next one. */
function withoutCutCharacter(page: ConsolePage): ConsolePage {
  return { ...page, content: page.content.replace(/\uFFFD+$/, '') };
}

/** The state of a file that an earlier run of the master wrote. */
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

/** Synchronous, so that nothing happens in between; called once per build and run of the master. */
function namesIn(directory: string): string[] {
  return ifPresent(() => readdirSync(directory)) ?? [];
}

async function readIfThere(file: string): Promise<Buffer> {
  return (await ifPresentAsync(() => readFile(file))) ?? Buffer.alloc(0);
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
