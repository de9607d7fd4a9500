import { Readable } from 'node:stream';
import type { Turns } from '../limits/turns.js';

/** The target size of a page of rows, so that it neither takes much memory nor blocks the process. */
const PAGE_BYTES = 64 * 1024;
const PAGE_MS = 5;
const FIRST_ROWS = 16;
const MOST_ROWS = 500;

/** The requested rows of a list. */
export interface ListQuery {
  readonly offset: number;
  /** null: all. */
  readonly limit: number | null;
}

/** Rows to read next. `after` is the row before them; null for the first page. */
export interface NextRows<Row> {
  readonly offset: number;
  readonly limit: number;
  readonly after: Row | null;
}

/** `total` is the number of all rows. Fewer rows than requested are the last. */
export type ReadRows<Row> = (next: NextRows<Row>) => Promise<{ rows: readonly Row[]; total: number }>;

/** How many rows to read after a page of `rows` that had `bytes` and took `ms`. */
export function nextPageRows(rows: number, bytes: number, ms: number): number {
  const fitting = Math.min((rows * PAGE_BYTES) / Math.max(1, bytes), (rows * PAGE_MS) / Math.max(0.001, ms));
  return Math.max(1, Math.min(MOST_ROWS, rows * 2, Math.floor(fitting)));
}

/**
 * The response of a route that lists: JSON that is made page by page, as its reader takes it. Memory holds about two pages,
 * whatever the length of the list and the speed of the reader.
 */
export class ListResponse<Name extends string, Row> {
  /** The name of the list in the response. */
  readonly name: Name;
  readonly #query: ListQuery;
  readonly #turns: Turns;
  readonly #read: ReadRows<Row>;
  readonly #first: Page<Row>;

  private constructor(name: Name, query: ListQuery, turns: Turns, read: ReadRows<Row>, first: Page<Row>) {
    this.name = name;
    this.#query = query;
    this.#turns = turns;
    this.#read = read;
    this.#first = first;
  }

  /** Reads the first page, so that a 404 is known before the response begins. @throws what `read` throws */
  static async begin<Name extends string, Row>(
    name: Name,
    query: ListQuery,
    turns: Turns,
    gone: AbortSignal,
    read: ReadRows<Row>,
  ): Promise<ListResponse<Name, Row>> {
    const limit = Math.min(FIRST_ROWS, query.limit ?? Number.POSITIVE_INFINITY);
    let first = await pageOf({ offset: query.offset, limit, after: null }, turns, gone, read);
    const end = endOf(query);
    // Most lists are short: what fits one page is read at once, and needs no stream.
    while (!isLast(first, query.offset, end) && first.json.length < PAGE_BYTES / 2 && first.ms < PAGE_MS) {
      const offset = query.offset + first.count;
      const rows = Math.min(nextPageRows(first.count, first.json.length, first.ms), end - offset);
      first = joined(first, await pageOf({ offset, limit: rows, after: first.last }, turns, gone, read));
    }
    return new ListResponse(name, query, turns, read, first);
  }

  /** The whole response as JSON, with the members of `before`, the list, `total` and the members of `more`. */
  content(
    before: Readonly<Record<string, unknown>>,
    more: Readonly<Record<string, unknown>>,
  ): string | Readable {
    if (isLast(this.#first, this.#query.offset, endOf(this.#query))) {
      return this.#head(before) + this.#tail(more);
    }
    const closed = new AbortController();
    const content = Readable.from(this.#json(before, more, closed.signal), { objectMode: false });
    // The generator itself would notice the end only after its next page.
    content.once('close', () => closed.abort());
    return content;
  }

  async *#json(
    before: Readonly<Record<string, unknown>>,
    more: Readonly<Record<string, unknown>>,
    closed: AbortSignal,
  ): AsyncGenerator<string> {
    yield this.#head(before);
    for await (const page of this.#others(closed)) {
      yield `,${page.json}`;
    }
    yield this.#tail(more);
  }

  #head(before: Readonly<Record<string, unknown>>): string {
    return `${JSON.stringify(before).slice(0, -1)},${JSON.stringify(this.name)}:[${this.#first.json}`;
  }

  #tail(more: Readonly<Record<string, unknown>>): string {
    return `],${JSON.stringify({ total: this.#first.total, ...more }).slice(1)}`;
  }

  async *#others(closed: AbortSignal): AsyncGenerator<Page<Row>> {
    const end = endOf(this.#query);
    let page = this.#first;
    let { offset } = this.#query;
    for (;;) {
      if (isLast(page, offset, end)) {
        return;
      }
      offset += page.count;
      const limit = Math.min(nextPageRows(page.count, page.json.length, page.ms), end - offset);
      page = await pageOf({ offset, limit, after: page.last }, this.#turns, closed, this.#read);
      if (page.count > 0) {
        yield page;
      }
    }
  }
}

interface Page<Row> {
  /** Rows separated by commas. */
  readonly json: string;
  readonly count: number;
  readonly limit: number;
  readonly last: Row | null;
  readonly total: number;
  /** How long it took to make. */
  readonly ms: number;
}

/** The offset after the last row that is wanted. */
function endOf({ offset, limit }: ListQuery): number {
  return offset + (limit ?? Number.POSITIVE_INFINITY);
}

/** Whether no page follows one that begins at `offset`. */
function isLast({ count, limit }: Page<unknown>, offset: number, end: number): boolean {
  return count < limit || offset + count >= end;
}

function joined<Row>(first: Page<Row>, next: Page<Row>): Page<Row> {
  return {
    json: [first.json, next.json].filter((json) => json !== '').join(','),
    count: first.count + next.count,
    limit: first.limit + next.limit,
    last: next.last ?? first.last,
    total: next.total,
    ms: first.ms + next.ms,
  };
}

function pageOf<Row>(
  next: NextRows<Row>,
  turns: Turns,
  gone: AbortSignal,
  read: ReadRows<Row>,
): Promise<Page<Row>> {
  return turns.take(gone, async () => {
    const began = performance.now();
    const { rows, total } = await read(next);
    const json = rows.map((row) => JSON.stringify(row)).join(',');
    const last = rows.at(-1) ?? null;
    return { json, count: rows.length, limit: next.limit, last, total, ms: performance.now() - began };
  });
}
