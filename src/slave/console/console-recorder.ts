import { countLineEnds, LINE_END } from '../../lib/text/line-ends.js';
import type { AliasByteStream, PathAliases } from '../../lib/text/path-aliases.js';
import type { RedactedStream, Redactor } from '../../lib/text/redactor.js';
import { unfinishedBytes } from '../../lib/text/utf8.js';
import { messageOf } from '../../protocol/errors.js';
import type { ConsoleStore } from './console-store.js';

/** A larger console is kept in a file. */
const SMALL_BYTES = 64 * 1024;
const MAX_PIECES = 64;
/** The number of lines is noted at each multiple of this, so that a line is found without reading the whole console. */
const MARK_BYTES = 16 * 1024;
/** The most that `write` gets at once. */
const MAX_WRITE_BYTES = 64 * 1024;
const READ_BYTES = 256 * 1024;
/** Reserved for the line that says what is left out. */
const NOTE_BYTES = 256;
/** With a smaller limit the halves would contain no mark. */
const MIN_LIMIT_BYTES = 8 * MARK_BYTES;

/** A position in the output, and the number of lines that end before it. */
export interface ConsolePlace {
  readonly position: number;
  readonly lineEnds: number;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** The part that is left out between the head and the tail of a console that was too long. */
interface Gap {
  /** Where the head ends, and where the tail begins. */
  readonly from: number;
  readonly to: number;
  readonly lines: number;
}

/**
 * Keeps the output of one atom, redacted and with aliases of paths. If there is more than `maxBytes`, it keeps the head and
 * the tail, which is a ring buffer. Positions count all output, also the part that is not kept.
 */
export class ConsoleRecorder {
  readonly #store: ConsoleStore;
  readonly #masked: RedactedStream;
  readonly #aliased: AliasByteStream;
  readonly #headBytes: number;
  readonly #tailBytes: number;
  /** The output while it is in memory; null once it is in the file of the store, from `#base` on. */
  #pieces: Buffer[] | null = [];
  #base = 0;
  #printed = 0;
  #lineEnds = 0;
  #headLineEnds = 0;
  #lastByte = LINE_END;
  /** The last byte that `write` got, which may still be held back. */
  #lastGiven = LINE_END;
  /** Line ends before each multiple of MARK_BYTES, as far back as the tail reaches. */
  readonly #marks = new Map<number, number>();
  /** Why the rest of the output is lost. */
  #fault: string | null = null;
  #lost = 0;
  /** Appended where the rest is lost. */
  #closingLines = '';
  #gap: Gap | null = null;

  constructor(store: ConsoleStore, maxBytes: number, redactor: Redactor, paths: PathAliases) {
    this.#store = store;
    // Redaction comes first: a secret may contain a path, or be part of one.
    this.#masked = redactor.stream();
    this.#aliased = paths.byteStream();
    const limit = Math.max(MIN_LIMIT_BYTES, maxBytes);
    this.#headBytes = Math.floor(limit / 2);
    this.#tailBytes = limit - this.#headBytes - NOTE_BYTES;
  }

  /** Holds back what may be the beginning of a secret or a path. Never throws: `end` reports a failure. */
  readonly write = (bytes: Buffer): void => {
    this.#lastGiven = bytes.at(-1) ?? this.#lastGiven;
    this.#keep(this.#aliased.push(this.#masked.push(bytes)));
  };

  /** Adds a line of ClusterRunner where the output is now. */
  remark(message: string): void {
    this.write(Buffer.from(`${this.#lastGiven === LINE_END ? '' : '\n'}clusterrunner: ${message}\n`));
  }

  /** The output is complete; `messages` are appended as lines of ClusterRunner. */
  end(messages: readonly string[] = []): void {
    this.#keep(this.#aliased.push(this.#masked.end()));
    this.#keep(this.#aliased.end());
    if (this.#fault === null) {
      for (const message of messages) {
        this.#keep(Buffer.from(`${this.#lineBreak}clusterrunner: ${message}\n`));
      }
    }
    if (this.#printed > this.#headBytes + this.#tailBytes) {
      this.#gap = this.#findGap();
    }
    if (this.#fault !== null) {
      const lost = `the last ${this.#lost} bytes of this console could not be kept on the slave: ${this.#fault}`;
      this.#closingLines = `${this.#lineBreak}${[lost, ...messages].map((one) => `clusterrunner: ${one}`).join('\n')}\n`;
    }
  }

  /** How many bytes were printed; each can be read by its position, except those in the gap. */
  get printed(): number {
    return this.#printed;
  }

  /** How many bytes are left out; known after `end`. */
  get cutBytes(): number {
    return this.#gap === null ? 0 : this.#gap.to - this.#gap.from;
  }

  /** The size of `content` in bytes; known after `end`. */
  get size(): number {
    const sizes = this.#parts().map((part) => (Buffer.isBuffer(part) ? part.length : part.to - part.from));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Everything that is kept; to be called after `end`. */
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
            ? await this.#store.readAsync(span.place, span.length)
            : this.read(at, span.length);
        if (bytes.length === 0) {
          throw new Error('The file of a console is shorter than what was written to it.');
        }
        at += bytes.length;
        yield bytes;
      }
    }
  }

  /** At most `maxBytes` from a position on. Where the tail has overwritten them, the bytes are newer ones. */
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

  /** Whether nothing of what was printed from a position on has been overwritten. */
  hasAllFrom(position: number): boolean {
    return position >= this.#oldest || this.#printed <= this.#headBytes + this.#tailBytes;
  }

  /** A kept position at or after the given one and near it, at the start of a line if there is one near. */
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

  /** @throws Error of the file system */
  #put(bytes: Buffer): void {
    const isSmall = this.#printed + bytes.length <= SMALL_BYTES;
    if (this.#pieces !== null && isSmall && this.#store.reserveMemory(bytes.length)) {
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
      this.#store.releaseMemory(all.length);
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

  /** Everything from here on is kept, and the head. */
  get #oldest(): number {
    return Math.max(0, this.#printed - this.#tailBytes);
  }

  /** Where the bytes of a position are in the file, and how many of them are contiguous there. */
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
    // A write that failed may have overwritten the oldest bytes.
    const { position, lineEnds } = this.placeNear(
      this.#oldest + (this.#fault === null ? 0 : MAX_WRITE_BYTES),
    );
    return { from, to: position, lines: lineEnds - this.#headLineEnds };
  }

  #parts(): (Buffer | Span)[] {
    const closingLines = Buffer.from(this.#closingLines);
    if (this.#gap !== null) {
      const { from, to } = this.#gap;
      return [{ from: 0, to: from }, noteOf(to - from), { from: to, to: this.#printed }, closingLines];
    }
    return [{ from: 0, to: this.#printed }, closingLines];
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

  /** Needed before a line of ClusterRunner. */
  get #lineBreak(): string {
    return this.#lastByte === LINE_END ? '' : '\n';
  }
}

function noteOf(bytes: number): Buffer {
  const message = `${bytes} bytes are left out here, the console was too long (console_max_mib_per_atom); lines after this had higher numbers while the atom ran`;
  return Buffer.from(`\n… clusterrunner: ${message} …\n`);
}

/** How many of the first bytes belong to a character that began before them. */
function bytesInCharacter(bytes: Buffer): number {
  let count = 0;
  while (count < 3 && ((bytes[count] ?? 0) & 0xc0) === 0x80) {
    count += 1;
  }
  return count;
}
