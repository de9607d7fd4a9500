import { ControlCharStripper } from '../../../lib/text/strip-control-chars.js';
import { type AnsiStyle, plainStyle, styleAfter } from './ansi-style.js';

/* Lines of an output as pieces of text with their styles. Nothing here needs a browser. */

/** A piece of text in one style. */
export interface AnsiToken {
  readonly text: string;
  /** Where it begins in the text of its line. */
  readonly start: number;
  /** Classes of `ansi.css`, separated by spaces. */
  readonly classes: string;
  /** `rgb(…)` of a color that has no class; null otherwise. */
  readonly color: string | null;
  readonly background: string | null;
}

export interface AnsiLine {
  readonly tokens: readonly AnsiToken[];
  /** The text of all tokens, as a search at the master sees the line. */
  readonly text: string;
  /** How much of the text the line itself has overwritten, as progress bars do with carriage returns. */
  readonly overwritten: number;
  /** The style at the end of the line. */
  readonly styleAfter: AnsiStyle;
}

/** Sequences that set a style, with their parameters; the stripper leaves no others. */
const ESCAPE = '\u001b';
const STYLE = new RegExp(`${ESCAPE}\\[([\\d;:]*)m`);
const EACH_STYLE = new RegExp(STYLE, 'g');

/** `styleBefore`: the style at the end of the line before. The line may end with a line feed. */
export function parseAnsiLine(raw: string, styleBefore = plainStyle): AnsiLine {
  const line = raw.replace(/\r*\n?$/, '');
  const tokens: AnsiToken[] = [];
  let style = styleBefore;
  let text = '';
  // Texts, and between them parameters.
  for (const [place, piece] of visible(line).split(STYLE).entries()) {
    if (place % 2 === 1) {
      style = styleAfter(style, piece);
    } else if (piece !== '') {
      tokens.push(tokenOf(piece, text.length, style));
      text += piece;
    }
  }
  const lastReturn = line.lastIndexOf('\r');
  return {
    tokens,
    text,
    overwritten: lastReturn === -1 ? 0 : visible(line.slice(0, lastReturn)).replace(EACH_STYLE, '').length,
    styleAfter: style,
  };
}

/** The lines of a short output, each with the style that the ones before leave. */
export function parseAnsiLines(lines: readonly string[]): AnsiLine[] {
  let style = plainStyle;
  return lines.map((line) => {
    const parsed = parseAnsiLine(line, style);
    style = parsed.styleAfter;
    return parsed;
  });
}

/** Frames of a stack say where a failure was, not what it was. */
const FRAME = /^(?:at|from|File|❯) /;

/**
 * The text of the last line that has some and is no frame of a stack, without styles and what the line has overwritten; empty
 * when there is none.
 */
export function lastText(lines: readonly string[]): string {
  const texts = lines.map((line) => {
    const { text, overwritten } = parseAnsiLine(line);
    return text.slice(overwritten).trim();
  });
  const words = texts.filter((text) => text !== '');
  return words.findLast((text) => !FRAME.test(text)) ?? words.at(-1) ?? '';
}

/** A part of the text of tokens, as tokens. */
export function tokensWithin(tokens: readonly AnsiToken[], start: number, end: number): AnsiToken[] {
  const part: AnsiToken[] = [];
  for (const token of tokens) {
    const from = Math.max(start, token.start);
    const to = Math.min(end, token.start + token.text.length);
    if (from < to) {
      part.push({ ...token, start: from, text: token.text.slice(from - token.start, to - token.start) });
    }
  }
  return part;
}

function visible(line: string): string {
  return new ControlCharStripper({ colors: true }).push(line);
}

function tokenOf(text: string, start: number, { color, background, decorations }: AnsiStyle): AnsiToken {
  return {
    text,
    start,
    classes: [
      ...classOf(color, 'ansi-'),
      ...classOf(background, 'on-ansi-'),
      ...decorations.map((one) => `ansi-${one}`),
    ].join(' '),
    color: rgbOf(color),
    background: rgbOf(background),
  };
}

/** The sixteen colors have classes, since the dashboard chooses them itself. */
function classOf(color: string, prefix: string): string[] {
  return color === '' ? [] : [prefix + (rgbOf(color) === null ? color : 'rgb')];
}

function rgbOf(color: string): string | null {
  return color.startsWith('rgb') ? color : null;
}
