/** A path that goes on with these is another one: `builds/1` is no part of `builds/12`. */
const GOES_ON = /[\w-]|[^\0-\x7f]/;

/** `path` is absolute; `alias` stands for it where people read. */
export interface PathAlias {
  readonly path: string;
  readonly alias: string;
}

/** Puts aliases in the place of paths, in texts and in bytes whatever their encoding is, as long as it has ASCII. */
export class PathAliases {
  readonly #ofText: readonly PathAlias[];
  readonly #ofBytes: readonly PathAlias[];

  /** Paths below one another: the longest counts. */
  constructor(aliases: readonly PathAlias[]) {
    this.#ofText = [...aliases].sort((one, other) => other.path.length - one.path.length);
    this.#ofBytes = this.#ofText.map(({ path, alias }) => ({ path: asLatin1(path), alias: asLatin1(alias) }));
  }

  inText(text: string): string {
    const stream = this.textStream();
    return stream.push(text) + stream.end();
  }

  /** For a text that comes in pieces. */
  textStream(): AliasStream {
    return new AliasStream(this.#ofText);
  }

  byteStream(): AliasByteStream {
    return new AliasByteStream(new AliasStream(this.#ofBytes));
  }
}

/** The same whatever pieces a text comes in. Holds back what may be the beginning of a path: less than one and a character. */
export class AliasStream {
  readonly #aliases: readonly PathAlias[];
  #held = '';

  /** The longest path first. */
  constructor(aliases: readonly PathAlias[]) {
    this.#aliases = aliases;
  }

  /** There is nothing that it puts in the place of anything. */
  get isIdle(): boolean {
    return this.#aliases.length === 0;
  }

  push(piece: string): string {
    return this.isIdle ? piece : this.#next(this.#held + piece, false);
  }

  /** What was held back, now that nothing follows. */
  end(): string {
    return this.#next(this.#held, true);
  }

  #next(text: string, isEnd: boolean): string {
    let shown = '';
    let from = 0;
    for (let at = text.indexOf('/'); at !== -1; at = text.indexOf('/', at)) {
      if (!isEnd && this.#mayGoOn(text, at)) {
        this.#held = text.slice(at);
        return shown + text.slice(from, at);
      }
      const found = this.#aliases.find(({ path }) => isPathAt(text, at, path));
      if (found === undefined) {
        at += 1;
        continue;
      }
      shown += text.slice(from, at) + found.alias;
      at += found.path.length;
      from = at;
    }
    this.#held = '';
    return shown + text.slice(from);
  }

  /** Whether what follows may make a path of the text's end, or another one of a path that is there. */
  #mayGoOn(text: string, at: number): boolean {
    const left = text.length - at;
    return this.#aliases.some(({ path }) => left <= path.length && path.startsWith(text.slice(at)));
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

/** The bytes of the text, a character for each. */
function asLatin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}
