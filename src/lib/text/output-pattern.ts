import { stripControlChars } from './strip-control-chars.js';

/** So many of the last lines distinguish two failures: an assertion with its values. */
const MAX_LINES = 4;
/** UTF-16 units of a line that count. */
const MAX_LINE = 1000;
/** A shorter name is also a part of other texts. */
const SHORTEST_NAME = 3;
/** Begins the lines that a slave adds to the output of an atom. */
const OWN_LINE = 'clusterrunner: ';

const CLOCK = String.raw`\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?`;
const NAME = String.raw`[\w.@+%~-]`;
/** Line and column after a path. */
const PLACE = String.raw`(?::\d+){0,2}`;
const UNIT = 'ns|[uµ]s|ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?';
const LANGUAGE = '[cm]?[jt]sx?|py|rb|go|rs|java|kt|scala|php|cs|cc|cpp|[ch]|sh|bats';
const all = (source: string) => new RegExp(source, 'gi');

/** The parts that differ from run to run, and their placeholders, in the order in which they are replaced. */
const VOLATILE: readonly (readonly [RegExp, string])[] = [
  [all(String.raw`\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`), '<uuid>'],
  [all(String.raw`\b\d{4}[-/]\d\d[-/]\d\d(?:[T ]${CLOCK}(?:Z|[+-]\d\d:?\d\d)?)?`), '<time>'],
  [all(String.raw`\b[a-z][a-z0-9+.-]{0,20}://[^\s'"<>()]+`), '<url>'],
  [all(String.raw`(?<!${NAME})(?:[a-z]:(?=[\\/]))?${NAME}*(?:[\\/]${NAME}+)+[\\/]?${PLACE}`), '<path>'],
  [all(String.raw`(?<![\w.-])[\w-]+(?:\.[\w-]+)*\.(?:${LANGUAGE})\b${PLACE}`), '<path>'],
  [all(String.raw`\b\d+(?:[.,]\d+)*\s?(?:${UNIT})\b`), '<time>'],
  [all(String.raw`<time>(?:\s?<time>)+`), '<time>'],
  [all(String.raw`\b0x[0-9a-f]+\b`), '<hex>'],
  [all(String.raw`\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,64}\b`), '<hex>'],
  [/\btmp(?:[._-](?=\w*[\dA-Z])\w{6,}|\w{8})\b/g, '<temp>'],
  [/(?<!\w)[-+](?=\d)/g, ''],
  [/\d+(?:[.,:]\d+)*(?:e[-+]?\d+)?/g, '#'],
  [/#(?:,? #)+/g, '#'],
  // Rules as wide as the terminal, or as what they frame.
  [/([=*_~.#-])\1{2,}/g, '$1$1$1'],
  [/\s+/g, ' '],
  // Names of test cases, as test runners write them.
  [/(<path>)(?: [>›»#] .*|::\S+)/g, '$1'],
  [/^ ?● .*/, '●'],
  [/^ ?(--- (?:FAIL|PASS):|not ok #) .*/, '$1'],
  [/^ ?#\) .*/, '#)'],
];

/** Frames of stacks: there are many ways to one failure. */
const FRAME = /^(?:at |from |File ")(?:.*[\s("])?<(?:path|anonymous|url)>/;

/**
 * The last lines of an output without stacks, and without the parts that differ from run to run: numbers, times, paths,
 * addresses, ids and temporary names. `own`, the name of the test that printed it, is left out too. Two failures with the same pattern probably have the same cause.
 * Empty when the lines have no text.
 */
export function outputPattern(lines: readonly string[], own = ''): string {
  const name = own.trim();
  const all = lines.map((line) => linePattern(line, name)).filter((line) => line !== '');
  const words = all.filter((line) => !FRAME.test(line));
  const distinct = (words.length > 0 ? words : all).filter((line, place, list) => line !== list[place - 1]);
  const seen = distinct.slice(-MAX_LINES).reverse();
  const others = seen.findIndex((line) => !line.startsWith(OWN_LINE));
  // A timeout is the reason, wherever the test was.
  return (others > 0 ? seen.slice(0, others) : seen).reverse().join('\n');
}

function linePattern(line: string, name: string): string {
  const visible = stripControlChars(lastShown(line)).slice(0, MAX_LINE);
  const named = withoutName(visible, name);
  return VOLATILE.reduce((text, [part, placeholder]) => text.replace(part, placeholder), named).trim();
}

/** The last state of a line that a progress bar has overwritten. */
function lastShown(line: string): string {
  const ended = line.replace(/\r+$/, '');
  return ended.slice(ended.lastIndexOf('\r') + 1);
}

function withoutName(text: string, name: string): string {
  if (name.length < SHORTEST_NAME) {
    return text;
  }
  let result = '';
  let from = 0;
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1)) {
    const isWhole = !isWord(text.charAt(at - 1)) && !isWord(text.charAt(at + name.length));
    if (isWhole && at >= from) {
      result += `${text.slice(from, at)}<name>`;
      from = at + name.length;
    }
  }
  return result + text.slice(from);
}

function isWord(character: string): boolean {
  return /^\w$/.test(character);
}
