import Anser from 'anser';
import { ControlCharStripper } from '../../../lib/text/strip-control-chars.js';

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
  /** The control sequences that set the style at the end of the line. */
  readonly styleAfter: string;
}

/** Sequences that set a style; the stripper leaves no others. */
const ESCAPE = '\u001b';
const STYLE = new RegExp(`${ESCAPE}\\[([\\d;:]*)m`, 'g');
/** The color of an underline, which is not shown. */
const UNDERLINE_COLOR = /(^|;)58;(?:5;\d*|2;\d*;\d*;\d*)/g;
/** Longer ones come from programs that never reset a style; the latest sequence is kept. */
const MAX_STYLE = 200;
const DECORATIONS: ReadonlySet<string> = new Set([
  'bold',
  'dim',
  'italic',
  'underline',
  'reverse',
  'strikethrough',
]);

/** `styleBefore`: the style at the end of the line before. The line may end with a line feed. */
export function parseAnsiLine(raw: string, styleBefore = ''): AnsiLine {
  const line = raw.replace(/\r*\n?$/, '');
  const styled = withoutColons(visible(line));
  const tokens = tokensOf(styleBefore + styled);
  const lastReturn = line.lastIndexOf('\r');
  return {
    tokens,
    text: tokens.map(({ text }) => text).join(''),
    overwritten: lastReturn === -1 ? 0 : visible(line.slice(0, lastReturn)).replace(STYLE, '').length,
    styleAfter: styleAfter(styled, styleBefore),
  };
}

/** The lines of a short output, each with the style that the ones before leave. */
export function parseAnsiLines(lines: readonly string[]): AnsiLine[] {
  let style = '';
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

/** Colors in the form with colons (`38:2::255:0:0`) become those with semicolons, which the parser knows. */
function withoutColons(styled: string): string {
  return styled.replace(STYLE, (sequence, parameters: string) => {
    if (!/:|58/.test(parameters)) {
      return sequence;
    }
    const plain = parameters.split(';').map((parameter) => {
      const parts = parameter.split(':').filter((part) => part !== '');
      return /^[345]8:/.test(parameter) ? parts.join(';') : (parts[0] ?? '');
    });
    return `\u001b[${plain.join(';').replace(UNDERLINE_COLOR, '')}m`;
  });
}

function styleAfter(styled: string, before: string): string {
  let style = before;
  for (const [sequence, parameters = ''] of styled.matchAll(STYLE)) {
    const [first = '', ...others] = parameters.split(';');
    const isReset = /^0*$/.test(first);
    if (isReset) {
      style = others.length === 0 ? '' : sequence;
    } else {
      style = style.length + sequence.length > MAX_STYLE ? sequence : style + sequence;
    }
  }
  return style;
}

function tokensOf(styled: string): AnsiToken[] {
  const entries = Anser.ansiToJson(styled, { json: true, use_classes: true, remove_empty: true });
  let start = 0;
  return entries.map((entry) => {
    const begin = start;
    start += entry.content.length;
    const foreground = colorOf(entry.fg, entry.fg_truecolor);
    const background = colorOf(entry.bg, entry.bg_truecolor);
    const decorations = new Set<string>(entry.was_processed ? entry.decorations : []);
    return {
      text: entry.content,
      start: begin,
      classes: [
        ...(foreground.name === null ? [] : [foreground.name]),
        ...(background.name === null ? [] : [`on-${background.name}`]),
        ...(foreground.rgb === null ? [] : ['ansi-rgb']),
        ...(background.rgb === null ? [] : ['on-ansi-rgb']),
        ...[...decorations].filter((one) => DECORATIONS.has(one)).map((one) => `ansi-${one}`),
      ].join(' '),
      color: foreground.rgb,
      background: background.rgb,
    };
  });
}

/** A class for the sixteen colors that the dashboard chooses itself, or the color that the output names. */
function colorOf(
  name: string | null,
  trueColor: string | null,
): { readonly name: string | null; readonly rgb: string | null } {
  if (name === null) {
    return { name: null, rgb: null };
  }
  if (name === 'ansi-truecolor') {
    return { name: null, rgb: trueColor === null ? null : `rgb(${trueColor})` };
  }
  const index = /^ansi-palette-(\d+)$/.exec(name)?.[1];
  return index === undefined ? { name, rgb: null } : { name: null, rgb: paletteColor(Number(index)) };
}

/** The colors 16 to 255 of xterm: a cube of six levels each, then grays. */
function paletteColor(index: number): string {
  const levels = [0, 95, 135, 175, 215, 255];
  const at = index - 16;
  const gray = 8 + (index - 232) * 10;
  const parts =
    index >= 232
      ? [gray, gray, gray]
      : [Math.floor(at / 36), Math.floor(at / 6) % 6, at % 6].map((level) => levels[level] ?? 0);
  return `rgb(${parts.join(', ')})`;
}
