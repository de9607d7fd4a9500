import { SafeRegex } from '../../../lib/text/safe-regex.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';

/** Positions in a text, in UTF-16 units. */
export interface Found {
  readonly start: number;
  readonly end: number;
}

export interface LineMatcher {
  /** The first match within a line at or after `from`, where a line begins; null when there is none. */
  first(lines: string, from: number): Found | null;
}

/** The text that a reader searches for. */
export interface Wanted {
  readonly text: string;
  /** Whether the text is an expression in the syntax of RE2. */
  readonly isRegex: boolean;
  /** Whether upper and lower case differ. */
  readonly isExact: boolean;
}

/** @throws ClusterRunnerError INVALID_REQUEST for an invalid expression, or a text of several lines */
export function lineMatcher(wanted: Wanted): LineMatcher {
  return wanted.isRegex ? regexMatcher(wanted) : textMatcher(wanted);
}

/** A text without an operator takes linear time in JavaScript's own expressions, which are the fastest. */
function textMatcher({ text, isExact }: Wanted): LineMatcher {
  if (text.includes('\n')) {
    throw new ClusterRunnerError('INVALID_REQUEST', 'q has a line feed; search for a text within one line.');
  }
  const escaped = text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  const expression = new RegExp(escaped, isExact ? 'gu' : 'giu');
  return {
    first(lines, from) {
      expression.lastIndex = from;
      const found = expression.exec(lines);
      return found === null ? null : { start: found.index, end: found.index + found[0].length };
    },
  };
}

function regexMatcher({ text, isExact }: Wanted): LineMatcher {
  const expression = SafeRegex.read(text, { ignoresCase: !isExact });
  if (expression === null) {
    throw new ClusterRunnerError(
      'INVALID_REQUEST',
      'The expression in q is invalid; its syntax must be that of RE2, which has no lookaround and no backreferences.',
    );
  }
  return {
    first(lines, from) {
      for (let at = from; at < lines.length; ) {
        const lineEnd = lines.indexOf('\n', at);
        const end = lineEnd === -1 ? lines.length : lineEnd;
        const found = expression.find(lines.slice(at, end));
        if (found !== null) {
          return { start: at + found.start, end: at + found.end };
        }
        at = end + 1;
      }
      return null;
    },
  };
}
