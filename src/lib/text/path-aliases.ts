/** Characters with which a path goes on: `builds/1` is not part of `builds/12`. */
const GOES_ON = /[\w-]|[^\0-\x7f]/;

/** `path` is absolute; `alias` is shown for it. */
export interface PathAlias {
  readonly path: string;
  readonly alias: string;
}

/** Replaces paths by aliases, in texts and in bytes of any encoding that contains ASCII. */
export class PathAliases {
  readonly #ofText: readonly PathAlias[];
  readonly #ofBytes: readonly PathAlias[];

  /** If paths are nested, the longest counts. */
  constructor(aliases: readonly PathAlias[]) {
    this.#ofText = [...aliases].sort((one, other) => other.path.length - one.path.length);
    this.#ofBytes = this.#ofText.map(({ path, alias }) => ({ path: asLatin1(path), alias: asLatin1(alias) }));
  }

  inText(text: string): string {
    const stream = this.textStream();
    return stream.push(text) + stream.end();
  }

  /** For a text that arrives in pieces. */
  textStream(): AliasStream {
    return new AliasStream(this.#ofText);
  }

  byteStream(): AliasByteStream {
    return new AliasByteStream(new AliasStream(this.#ofBytes));
  }
}

/** Gives the same result for any division into pieces. Holds back what may be the beginning of a path. */
export class AliasStream {
  readonly #aliases: readonly PathAlias[];
  /** The common prefix of all paths. */
  readonly #start: string;
  #held = '';

  /** The longest path first. */
  constructor(aliases: readonly PathAlias[]) {
    this.#aliases = aliases;
    this.#start = aliases.map(({ path }) => path).reduce(commonStart, aliases[0]?.path ?? '');
  }

  /** Whether there are no aliases. */
  get isIdle(): boolean {
    return this.#aliases.length === 0;
  }

  push(piece: string): string {
    return this.isIdle ? piece : this.#next(this.#held + piece, false);
  }

  /** The text held back, at the end. */
  end(): string {
    return this.isIdle ? '' : this.#next(this.#held, true);
  }

  #next(text: string, isEnd: boolean): string {
    let shown = '';
    let from = 0;
    let search = 0;
    for (let at = text.indexOf(this.#start); at !== -1; at = text.indexOf(this.#start, search)) {
      if (!isEnd && this.#mayGoOn(text, at)) {
        this.#held = text.slice(at);
        return shown + text.slice(from, at);
      }
      const found = this.#aliases.find(({ path }) => isPathAt(text, at, path));
      search = at + 1;
      if (found !== undefined) {
        shown += text.slice(from, at) + found.alias;
        from = at + found.path.length;
        search = from;
      }
    }
    const held = isEnd ? text.length : this.#beginningIn(text, search);
    this.#held = text.slice(held);
    return shown + text.slice(from, held);
  }

  /** Whether more text could complete a path at the end, or turn a path there into a longer one. */
  #mayGoOn(text: string, at: number): boolean {
    const left = text.length - at;
    return this.#aliases.some(({ path }) => left <= path.length && path.startsWith(text.slice(at)));
  }

  /** Where the end of the text may begin a path; the length of the text when it does not. */
  #beginningIn(text: string, from: number): number {
    for (let at = Math.max(from, text.length - this.#start.length); at < text.length; at += 1) {
      at = text.indexOf('/', at);
      if (at === -1) {
        break;
      }
      if (this.#start.startsWith(text.slice(at))) {
        return at;
      }
    }
    return text.length;
  }
}

export class AliasByteStream {
  readonly #stream: AliasStream;

  constructor(stream: AliasStream) {
    this.#stream = stream;
  }

  push(piece: Buffer): Buffer {
    if (this.#stream.isIdle) {
      return piece;
    }
    return Buffer.from(this.#stream.push(piece.toString('latin1')), 'latin1');
  }

  end(): Buffer {
    return Buffer.from(this.#stream.end(), 'latin1');
  }
}

function isPathAt(text: string, at: number, path: string): boolean {
  return text.startsWith(path, at) && !GOES_ON.test(text.charAt(at + path.length));
}

function commonStart(one: string, other: string): string {
  let length = Math.min(one.length, other.length);
  while (!other.startsWith(one.slice(0, length))) {
    length -= 1;
  }
  return one.slice(0, length);
}

/** One character for each byte of the text. */
function asLatin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}
