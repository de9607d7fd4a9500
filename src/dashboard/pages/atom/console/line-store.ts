import type { ConsolePage } from '../../../../protocol/build/work.js';
import { type AnsiStyle, plainStyle } from '../../../parts/ansi/ansi-style.js';
import { parseAnsiLine } from '../../../parts/ansi/ansi-tokens.js';

/** Lines are requested from multiples of this, so that styles continue in the same way wherever somebody scrolls. */
const CHUNK = 500;
/** Characters of a line that are kept: more are never shown. */
export const MAX_KEPT = 100_000;
/** Lines that are kept; those farthest from the visible ones are dropped first. */
const MAX_LINES = 20_000;
/** UTF-16 units of all kept lines. */
const MAX_UNITS = 16_000_000;

export interface StoredLine {
  /** As printed, without its line feed. */
  readonly raw: string;
  /** The style at the end of the line before. */
  readonly styleBefore: AnsiStyle;
  /** Characters that are not kept. */
  readonly dropped: number;
}

export interface LineRequest {
  readonly offset_line: number;
  readonly max_lines: number;
}

/** The loaded lines of a console. It loads nothing itself. */
export class LineStore {
  readonly #lines = new Map<number, StoredLine>();
  /** Chunks with long lines are requested from the first wanted line, since a response holds a mebibyte. */
  readonly #longChunks = new Set<number>();
  #units = 0;
  #total: number | null = null;
  #firstKept = 0;
  #endsInLine = false;
  #wanted = { first: 0, last: 0 };

  /** The number of all lines; null before the first response. */
  get total(): number | null {
    return this.#total;
  }

  /** Earlier lines are not kept by the master while the atom runs. */
  get firstKept(): number {
    return this.#firstKept;
  }

  /** null while it is not loaded. */
  line(number: number): StoredLine | null {
    return this.#lines.get(number) ?? null;
  }

  /** Sets which lines are visible, both inclusive. */
  want(first: number, last: number): void {
    this.#wanted = { first, last };
  }

  /** The next request for visible lines that are missing; null when there are all. */
  missing(): LineRequest | null {
    if (this.#total === null) {
      return null;
    }
    const last = Math.min(this.#wanted.last, this.#total - 1);
    for (let line = Math.max(this.#firstKept, this.#wanted.first); line <= last; line += 1) {
      if (!this.#lines.has(line)) {
        return this.#requestFor(line);
      }
    }
    return null;
  }

  /** Whether a request is still for visible lines. */
  isWanted({ offset_line, max_lines }: LineRequest): boolean {
    return offset_line <= this.#wanted.last && offset_line + max_lines > this.#wanted.first;
  }

  /**
   * Takes a response. `requested` is null for a request of the last lines. When the console has begun again, everything
   * before is forgotten.
   */
  accept(page: ConsolePage, requested: LineRequest | null): void {
    if (this.#total !== null && page.total_num_lines < this.#total) {
      this.#clear();
    }
    if (this.#endsInLine && this.#total !== null && page.total_num_lines > this.#total) {
      // It has grown, or ended.
      this.#remove(this.#total - 1);
    }
    this.#total = page.total_num_lines;
    if (requested !== null && page.offset_line > requested.offset_line) {
      this.#firstKept = Math.max(this.#firstKept, page.offset_line);
    } else if (requested !== null && page.num_lines === 0) {
      // Otherwise they would be requested forever.
      this.#firstKept = Math.max(this.#firstKept, requested.offset_line + requested.max_lines);
    }
    this.#add(page);
    const end = page.offset_line + page.num_lines;
    if (end >= page.total_num_lines && page.num_lines > 0) {
      this.#endsInLine = !page.content.endsWith('\n');
    }
    if (requested !== null && page.num_lines < requested.max_lines && end < page.total_num_lines) {
      this.#longChunks.add(Math.floor(page.offset_line / CHUNK));
    }
    this.#dropFarthest();
  }

  #clear(): void {
    this.#lines.clear();
    this.#longChunks.clear();
    this.#units = 0;
    this.#total = null;
    this.#firstKept = 0;
    this.#endsInLine = false;
  }

  #requestFor(line: number): LineRequest {
    const chunk = Math.floor(line / CHUNK);
    const end = (chunk + 1) * CHUNK;
    let begin = line;
    if (!this.#longChunks.has(chunk)) {
      begin = Math.max(this.#firstKept, chunk * CHUNK);
      while (this.#lines.has(begin)) {
        begin += 1;
      }
    }
    return { offset_line: begin, max_lines: end - begin };
  }

  #add({ offset_line: offset, num_lines: number, content }: ConsolePage): void {
    const lines = content.split('\n').slice(0, number);
    let style = this.#styleAfter(offset - 1);
    for (const [place, text] of lines.entries()) {
      const raw = text.slice(0, MAX_KEPT);
      this.#remove(offset + place);
      this.#lines.set(offset + place, { raw, styleBefore: style, dropped: text.length - raw.length });
      this.#units += raw.length;
      style = parseAnsiLine(raw, style).styleAfter;
    }
  }

  #styleAfter(number: number): AnsiStyle {
    const line = this.#lines.get(number);
    return line === undefined ? plainStyle : parseAnsiLine(line.raw, line.styleBefore).styleAfter;
  }

  #remove(number: number): void {
    this.#units -= this.#lines.get(number)?.raw.length ?? 0;
    this.#lines.delete(number);
  }

  #dropFarthest(): void {
    if (this.#lines.size <= MAX_LINES && this.#units <= MAX_UNITS) {
      return;
    }
    const middle = (this.#wanted.first + this.#wanted.last) / 2;
    const byDistance = [...this.#lines.keys()].sort((a, b) => Math.abs(b - middle) - Math.abs(a - middle));
    for (const number of byDistance) {
      const isVisible = number >= this.#wanted.first && number <= this.#wanted.last;
      if (isVisible || (this.#lines.size <= MAX_LINES / 2 && this.#units <= MAX_UNITS / 2)) {
        return;
      }
      this.#remove(number);
    }
  }
}
