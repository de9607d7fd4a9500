import type { AliasByteStream, PathAliases } from '../../lib/text/path-aliases.js';
import type { RedactedStream, Redactor } from '../../lib/text/redactor.js';
import { unfinishedBytes } from '../../lib/text/utf8.js';
import { messageOf } from '../../protocol/errors.js';
import type { ConsoleStore } from './console-store.js';

/** A console that is no longer stays in memory. */
const SMALL_BYTES = 64 * 1024;
const MAX_PIECES = 64;
/** After so many bytes the lines before are noted, so that the place of a line is found without reading all. */
const MARK_BYTES = 16 * 1024;
/** Most that comes at once. */
const MAX_WRITE_BYTES = 64 * 1024;
const READ_BYTES = 256 * 1024;
/** Room for the line that says what is left out. */
const NOTE_BYTES = 256;
/** Of a smaller limit the two halves would have no marks. */
const MIN_LIMIT_BYTES = 8 * MARK_BYTES;
const LINE_END = 0x0a;

/** A place in what was printed, and how many lines end before it. */
export interface ConsolePlace {
  readonly position: number;
  readonly lineEnds: number;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** What is missing between the first half of a console that was too long and its end. */
interface Gap {
  /** Where the first half ends, and where the end begins. */
  readonly from: number;
  readonly to: number;
  readonly lines: number;
}

/**
 * Keeps what one atom prints, masked and with aliases of paths, in order. Of one that prints more than `maxBytes` the first half is kept and the
 * end, at most so much in all: the second half of its place is written over and over in a circle. Positions count what
 * was printed, whatever of it is kept.
 */
export class ConsoleRecorder {
  readonly #store: ConsoleStore;
  readonly #masked: RedactedStream;
  readonly #aliased: AliasByteStream;
  readonly #headBytes: number;
  readonly #tailBytes: number;
  /** What is kept in memory; null once it is in the file of the store, from `#base` on. */
  #pieces: Buffer[] | null = [];
  #base = 0;
  #printed = 0;
  #lineEnds = 0;
  #headLineEnds = 0;
  #lastByte = LINE_END;
  /** Line ends before each multiple of MARK_BYTES, as far back as the end that is kept. */
  readonly #marks = new Map<number, number>();
  /** Why the rest is lost. */
  #fault: string | null = null;
  #lost = 0;
  /** What the end says where the rest is lost. */
  #lastWords = '';
  #gap: Gap | null = null;

  constructor(store: ConsoleStore, maxBytes: number, redactor: Redactor, paths: PathAliases) {
    this.#store = store;
    // In this order: a secret may have a path in it, or be in one.
    this.#masked = redactor.stream();
    this.#aliased = paths.byteStream();
    const limit = Math.max(MIN_LIMIT_BYTES, maxBytes);
    this.#headBytes = Math.floor(limit / 2);
    this.#tailBytes = limit - this.#headBytes - NOTE_BYTES;
  }

  /** What may be the beginning of something masked, or of a path, is held back. Never throws: see `end`. */
  readonly write = (bytes: Buffer): void => {
    this.#keep(this.#aliased.push(this.#masked.push(bytes)));
  };

  /** Nothing more is printed; `sentences` are the last lines, which are not the atom's. */
  end(sentences: readonly string[] = []): void {
    this.#keep(this.#aliased.push(this.#masked.end()));
    this.#keep(this.#aliased.end());
    if (this.#fault === null) {
      for (const sentence of sentences) {
        this.#keep(Buffer.from(`${this.#lineBreak}clusterrunner: ${sentence}\n`));
      }
    }
    if (this.#printed > this.#headBytes + this.#tailBytes) {
      this.#gap = this.#findGap();
    }
    if (this.#fault !== null) {
      const lost = `the last ${this.#lost} bytes of this console could not be kept on the slave: ${this.#fault}`;
      this.#lastWords = `${this.#lineBreak}${[lost, ...sentences].map((one) => `clusterrunner: ${one}`).join('\n')}\n`;
    }
  }

  /** Bytes that can be read by position, but for those of the gap. */
  get printed(): number {
    return this.#printed;
  }

  /** Bytes that are left out; known at the end. */
  get cutBytes(): number {
    return this.#gap === null ? 0 : this.#gap.to - this.#gap.from;
  }

  /** Of what is kept; known at the end. */
  get size(): number {
    const sizes = this.#parts().map((part) => (Buffer.isBuffer(part) ? part.length : part.to - part.from));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** All that is kept, once it has ended. */
  async *content(): AsyncGenerator<Buffer> {
    for (const part of this.#parts()) {
      if (Buffer.isBuffer(part)) {
        if (part.length > 0) {
          yield part;
        }
        continue;
      }
      for (let at = part.from; at < part.to; ) {
        const span = this.#spanAt(at, Math.min(READ_BYTES, part.to - at));
        const bytes =
          this.#pieces === null
            ? await this.#store.readLater(span.place, span.length)
            : this.read(at, span.length);
        if (bytes.length === 0) {
          throw new Error('A console is shorter than what was written of it.');
        }
        at += bytes.length;
        yield bytes;
      }
    }
  }

  /** What is kept from a position on, at most so much; of what is written over meanwhile, what is there now. */
  read(position: number, maxBytes: number): Buffer {
    const wanted = Math.max(0, Math.min(maxBytes, this.#printed - position));
    if (this.#pieces !== null) {
      return this.#all(this.#pieces).subarray(position, position + wanted);
    }
    const parts: Buffer[] = [];
    for (let at = position; at < position + wanted; ) {
      const { place, length } = this.#spanAt(at, position + wanted - at);
      parts.push(this.#store.read(place, length));
      at += length;
    }
    return Buffer.concat(parts);
  }

  /** Whether all that was printed from a position on is still there. */
  hasAllFrom(position: number): boolean {
    return position >= this.#oldest || this.#printed <= this.#headBytes + this.#tailBytes;
  }

  /** A place that is kept, near the one that is given and not before it, at the begin of a line if one is so near. */
  placeNear(position: number): ConsolePlace {
    const mark = Math.ceil(Math.max(position, this.#oldest) / MARK_BYTES);
    const begin = mark * MARK_BYTES;
    const lineEnds = this.#marks.get(mark);
    if (lineEnds === undefined || begin >= this.#printed) {
      return { position: this.#printed, lineEnds: this.#lineEnds };
    }
    const bytes = this.read(begin, MARK_BYTES);
    const lineEnd = bytes.indexOf(LINE_END);
    return lineEnd === -1
      ? { position: begin + bytesInCharacter(bytes), lineEnds }
      : { position: begin + lineEnd + 1, lineEnds: lineEnds + 1 };
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) {
      return;
    }
    if (this.#fault !== null) {
      this.#lost += bytes.length;
      return;
    }
    try {
      this.#put(bytes);
    } catch (error) {
      this.#fault = messageOf(error);
      this.#lost = bytes.length;
      return;
    }
    this.#count(bytes);
  }

  /** @throws the system's error */
  #put(bytes: Buffer): void {
    const isSmall = this.#printed + bytes.length <= SMALL_BYTES;
    if (this.#pieces !== null && isSmall && this.#store.takeMemory(bytes.length)) {
      this.#pieces.push(Buffer.from(bytes));
      if (this.#pieces.length > MAX_PIECES) {
        this.#all(this.#pieces);
      }
      return;
    }
    if (this.#pieces !== null) {
      const all = this.#all(this.#pieces);
      this.#base = this.#store.end;
      this.#store.write(all, this.#base);
      this.#store.giveMemoryBack(all.length);
      this.#pieces = null;
    }
    for (let at = 0; at < bytes.length; ) {
      const { place, length } = this.#spanAt(this.#printed + at, bytes.length - at);
      this.#store.write(bytes.subarray(at, at + length), place);
      at += length;
    }
  }

  #count(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const position = this.#printed;
      const toMark = MARK_BYTES - (position % MARK_BYTES);
      const toHeadEnd = position < this.#headBytes ? this.#headBytes - position : toMark;
      const part = bytes.subarray(at, at + Math.min(toMark, toHeadEnd));
      this.#lineEnds += countLineEnds(part);
      this.#printed += part.length;
      at += part.length;
      if (this.#printed === this.#headBytes) {
        this.#headLineEnds = this.#lineEnds;
      }
      if (this.#printed % MARK_BYTES === 0) {
        this.#note(this.#printed / MARK_BYTES);
      }
    }
    this.#lastByte = bytes.at(-1) ?? this.#lastByte;
  }

  #note(mark: number): void {
    this.#marks.set(mark, this.#lineEnds);
    const tooOld = Math.floor(this.#oldest / MARK_BYTES) - 1;
    for (const old of this.#marks.keys()) {
      if (old >= tooOld) {
        break;
      }
      this.#marks.delete(old);
    }
  }

  /** From here on all is kept; what is before the head's end is kept too. */
  get #oldest(): number {
    return Math.max(0, this.#printed - this.#tailBytes);
  }

  /** Where bytes lie in the file, as many as lie there in one piece. */
  #spanAt(position: number, maxLength: number): { place: number; length: number } {
    if (position < this.#headBytes) {
      const length = Math.min(maxLength, this.#headBytes - position);
      return { place: this.#base + position, length };
    }
    const inTail = (position - this.#headBytes) % this.#tailBytes;
    const length = Math.min(maxLength, this.#tailBytes - inTail);
    return { place: this.#base + this.#headBytes + inTail, length };
  }

  #findGap(): Gap {
    const begin = this.#headBytes - MARK_BYTES;
    const head = this.read(begin, MARK_BYTES);
    const lineEnd = head.lastIndexOf(LINE_END);
    const from = begin + (lineEnd === -1 ? head.length - unfinishedBytes(head) : lineEnd + 1);
    // A write that failed may have damaged what was oldest.
    const { position, lineEnds } = this.placeNear(
      this.#oldest + (this.#fault === null ? 0 : MAX_WRITE_BYTES),
    );
    return { from, to: position, lines: lineEnds - this.#headLineEnds };
  }

  #parts(): (Buffer | Span)[] {
    const lastWords = Buffer.from(this.#lastWords);
    if (this.#gap !== null) {
      const { from, to } = this.#gap;
      return [{ from: 0, to: from }, noteOf(to - from), { from: to, to: this.#printed }, lastWords];
    }
    return [{ from: 0, to: this.#printed }, lastWords];
  }

  #all(pieces: Buffer[]): Buffer {
    const [only, second] = pieces;
    if (only !== undefined && second === undefined) {
      return only;
    }
    const all = Buffer.concat(pieces);
    pieces.splice(0, pieces.length, all);
    return all;
  }

  /** What a line of ours needs before it. */
  get #lineBreak(): string {
    return this.#lastByte === LINE_END ? '' : '\n';
  }
}

function noteOf(bytes: number): Buffer {
  const sentence = `${bytes} bytes are left out here, the console was too long (console_max_mib_per_atom); lines behind this had higher numbers while the atom ran`;
  return Buffer.from(`\n… clusterrunner: ${sentence} …\n`);
}

/** Of the first bytes those that belong to a character that began before them. */
function bytesInCharacter(bytes: Buffer): number {
  let count = 0;
  while (count < 3 && ((bytes[count] ?? 0) & 0xc0) === 0x80) {
    count += 1;
  }
  return count;
}

function countLineEnds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_END); at !== -1; at = bytes.indexOf(LINE_END, at + 1)) {
    count += 1;
  }
  return count;
}
