/** Pages that are kept; those farthest from the visible rows are dropped first. */
const MAX_PAGES = 25;

interface CachedPage<Row> {
  readonly rows: readonly Row[];
  readonly isStale: boolean;
}

/** The loaded pages of a list that is too long to be loaded whole. It loads nothing itself. */
export class PageCache<Row> {
  readonly #pages = new Map<number, CachedPage<Row>>();
  readonly #loading = new Set<number>();
  #wanted = { first: 0, last: 0 };
  #total: number | null = null;
  readonly #pageRows: number;

  /** `pageRows`: rows of one page. */
  constructor(pageRows: number) {
    this.#pageRows = pageRows;
  }

  /** The number of all rows; null before the first page has arrived. */
  get total(): number | null {
    return this.#total;
  }

  /** null while it is not loaded. */
  row(index: number): Row | null {
    return this.#pages.get(Math.floor(index / this.#pageRows))?.rows[index % this.#pageRows] ?? null;
  }

  /** Sets which rows are visible, both inclusive. */
  want(first: number, last: number): void {
    this.#wanted = { first: Math.floor(first / this.#pageRows), last: Math.floor(last / this.#pageRows) };
  }

  /** The pages of visible rows that are missing or stale, and not being loaded. They count as being loaded from now on. */
  takeMissing(): number[] {
    const { first, last } = this.#wanted;
    const missing: number[] = [];
    for (let page = first; page <= last; page += 1) {
      const isBeyond = this.#total !== null && page > 0 && page * this.#pageRows >= this.#total;
      if (!isBeyond && !this.#loading.has(page) && this.#pages.get(page)?.isStale !== false) {
        this.#loading.add(page);
        missing.push(page);
      }
    }
    return missing;
  }

  /** The pages that are being loaded and have no visible row any more. */
  unwanted(): number[] {
    const { first, last } = this.#wanted;
    return [...this.#loading].filter((page) => page < first || page > last);
  }

  /** Takes a page that has arrived, with the number of all rows. */
  accept(page: number, rows: readonly Row[], total: number): void {
    this.#loading.delete(page);
    this.#total = total;
    this.#pages.set(page, { rows, isStale: false });
    while (this.#pages.size > MAX_PAGES) {
      this.#pages.delete(this.#farthest());
    }
  }

  /** Takes notice that a page is not being loaded any more and has not arrived. */
  fail(page: number): void {
    this.#loading.delete(page);
  }

  /** Every row may have changed. Loaded rows stay until they are loaded again. */
  invalidate(): void {
    for (const [page, { rows }] of this.#pages) {
      this.#pages.set(page, { rows, isStale: true });
    }
  }

  #farthest(): number {
    const middle = (this.#wanted.first + this.#wanted.last) / 2;
    return [...this.#pages.keys()].reduce((one, other) =>
      Math.abs(other - middle) > Math.abs(one - middle) ? other : one,
    );
  }
}
