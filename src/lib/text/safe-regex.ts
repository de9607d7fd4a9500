import { RE2JS, RE2JSSyntaxException } from 're2js';

/**
 * A regular expression that somebody else wrote, for texts that yet somebody else sends. It takes time in proportion to
 * the text, whatever both are, which JavaScript's own do not: `(a+)+$` keeps those busy for ever with forty letters.
 * The syntax is RE2's (https://github.com/google/re2/wiki/Syntax): that of JavaScript without lookaround and backreferences.
 */
export class SafeRegex {
  readonly source: string;
  readonly #compiled: RE2JS;

  private constructor(source: string, compiled: RE2JS) {
    this.source = source;
    this.#compiled = compiled;
  }

  /** null when it is no regular expression of this syntax. */
  static read(source: string): SafeRegex | null {
    try {
      return new SafeRegex(source, RE2JS.compile(source));
    } catch (error) {
      if (error instanceof RE2JSSyntaxException) {
        return null;
      }
      throw error;
    }
  }

  matchesWhole(text: string): boolean {
    return this.#compiled.matches(text);
  }
}

/** Whether an expression ends in `$`, `\\z`, or in something repeated without end: it then says how far it reaches. */
export function saysHowItEnds(source: string): boolean {
  return /(?:^|[^\\])(?:\\\\)*(?:\$|[*+]\??|\{\d+,\}\??|\\z)\)*$/.test(source);
}
