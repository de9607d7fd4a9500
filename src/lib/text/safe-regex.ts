import { RE2JS, RE2JSSyntaxException } from 're2js';

/**
 * A regular expression that matches in linear time, for untrusted expressions and texts: in JavaScript's own, `(a+)+$`
 * takes exponential time. The syntax is RE2's (https://github.com/google/re2/wiki/Syntax): that of JavaScript without
 * lookaround and backreferences.
 */
export class SafeRegex {
  readonly source: string;
  readonly #compiled: RE2JS;

  private constructor(source: string, compiled: RE2JS) {
    this.source = source;
    this.#compiled = compiled;
  }

  /** null for invalid syntax. */
  static read(source: string, { ignoresCase = false } = {}): SafeRegex | null {
    try {
      return new SafeRegex(source, RE2JS.compile(source, ignoresCase ? RE2JS.CASE_INSENSITIVE : 0));
    } catch (error) {
      if (error instanceof RE2JSSyntaxException) {
        return null;
      }
      throw error;
    }
  }

  /** The first match, in UTF-16 units; null when there is none. */
  find(text: string): { readonly start: number; readonly end: number } | null {
    const matcher = this.#compiled.matcher(text);
    return matcher.find() ? { start: matcher.start(), end: matcher.end() } : null;
  }

  matchesWhole(text: string): boolean {
    return this.#compiled.matches(text);
  }
}

/** Whether an expression states where the match ends: with `$`, `\\z`, or an unbounded repetition. */
export function saysHowItEnds(source: string): boolean {
  return /(?:^|[^\\])(?:\\\\)*(?:\$|[*+]\??|\{\d+,\}\??|\\z)\)*$/.test(source);
}
