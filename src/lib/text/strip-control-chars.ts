/*
 * Untrusted text (of tests, names of jobs, messages of servers) must not move the cursor, set the title, make links, or hide
 * or reorder text where people read it. Control sequences are those of ECMA-48, as xterm interprets them.
 */

/** Invisible characters that change how others are shown, for a character class. */
const INVISIBLE = '\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb';
/** C0 except tab and line feed, DEL, C1. */
const CONTROL = '\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f';
/** Tag characters, beyond 16 bits, which spell invisible text. */
const TAG = '\\udb40[\\udc00-\\udc7f]';

const SUSPICIOUS = new RegExp(`[${CONTROL}${INVISIBLE}\\ud800-\\udbff]`, 'g');
/** The other ones are escaped in JSON already. */
const NOT_FOR_JSON = new RegExp(`[\\u007f-\\u009f${INVISIBLE}]|${TAG}`, 'g');

/** After so many characters a sequence is taken as text. */
const MAX_SEQUENCE = 256;

const ESC = 0x1b;
const BEL = 0x07;
const CANCEL = 0x18;
const SUBSTITUTE = 0x1a;
const C1_CSI = 0x9b;
const C1_ST = 0x9c;
/** DCS, SOS, OSC, PM and APC as single characters, and after ESC. */
const C1_STRINGS: ReadonlySet<number> = new Set([0x90, 0x98, 0x9d, 0x9e, 0x9f]);
const ESC_STRINGS: ReadonlySet<string> = new Set(['P', 'X', ']', '^', '_']);
const FIRST_TAG_UNIT = 0xdb40;

export interface StripOptions {
  /** Keeps colors and other styles (SGR), except for hidden text. */
  readonly colors?: boolean;
}

type Place = 'text' | 'escape' | 'intermediate' | 'csi' | 'string' | 'string escape';

/**
 * Strips control characters and sequences from a text that arrives in pieces, with the same result as for the whole text.
 */
export class ControlCharStripper {
  readonly #colors: boolean;
  #place: Place = 'text';
  /** Parameters of the current control sequence. */
  #parameters = '';
  /** A high surrogate at the end of a piece, which may begin a tag character. */
  #half = '';
  #isColored = false;

  constructor({ colors = false }: StripOptions = {}) {
    this.#colors = colors;
  }

  push(piece: string): string {
    const text = this.#half + piece;
    this.#half = '';
    let shown = '';
    for (let at = 0; at < text.length; ) {
      if (this.#place !== 'text') {
        // A character that does not belong to the sequence ends it, and is handled again as text.
        const { isTaken, output } = this.#inSequence(text.charAt(at));
        shown += output;
        at += isTaken ? 1 : 0;
        continue;
      }
      SUSPICIOUS.lastIndex = at;
      const found = SUSPICIOUS.exec(text)?.index ?? text.length;
      shown += text.slice(at, found);
      at = found;
      if (at === text.length) {
        break;
      }
      const code = text.charCodeAt(at);
      if (code >= 0xd800 && code <= 0xdbff) {
        const pair = text.slice(at, at + 2);
        if (pair.length < 2) {
          this.#half = pair;
          break;
        }
        if (code === FIRST_TAG_UNIT && isTagUnit(pair.charCodeAt(1))) {
          at += 2;
        } else {
          shown += pair.charAt(0);
          at += 1;
        }
        continue;
      }
      this.#beginSequence(code);
      at += 1;
    }
    return shown;
  }

  /** To be called at the end; resets styles that were left on. */
  end(): string {
    const rest = this.#half + (this.#isColored ? '\u001b[0m' : '');
    this.#half = '';
    this.#place = 'text';
    this.#isColored = false;
    return rest;
  }

  #beginSequence(code: number): void {
    this.#parameters = '';
    if (code === ESC) {
      this.#place = 'escape';
    } else if (code === C1_CSI) {
      this.#place = 'csi';
    } else if (C1_STRINGS.has(code)) {
      this.#place = 'string';
    }
  }

  #inSequence(character: string): { isTaken: boolean; output: string } {
    const taken = (next: Place, output = '') => {
      this.#place = next;
      return { isTaken: true, output };
    };
    const code = character.charCodeAt(0);
    switch (this.#place) {
      case 'escape':
        if (character === '[') {
          return taken('csi');
        }
        if (ESC_STRINGS.has(character)) {
          return taken('string');
        }
        return this.#afterEscape(code);
      case 'intermediate':
        return this.#afterEscape(code);
      case 'csi':
        if (code >= 0x20 && code <= 0x3f && this.#parameters.length < MAX_SEQUENCE) {
          this.#parameters += character;
          return taken('csi');
        }
        return code >= 0x40 && code <= 0x7e ? taken('text', this.#look(character)) : this.#leave();
      case 'string':
        if (code === ESC) {
          return taken('string escape');
        }
        // No title or link has a line feed: an unterminated one would hide all following text.
        if (character === '\n') {
          return this.#leave();
        }
        return taken(isStringEnd(code) ? 'text' : 'string');
      case 'string escape':
        if (character === '\\') {
          return taken('text');
        }
        this.#place = 'escape';
        this.#parameters = '';
        return { isTaken: false, output: '' };
      case 'text':
        return this.#leave();
    }
  }

  #afterEscape(code: number): { isTaken: boolean; output: string } {
    if (code >= 0x20 && code <= 0x2f) {
      this.#place = 'intermediate';
      return { isTaken: true, output: '' };
    }
    this.#place = 'text';
    return { isTaken: code >= 0x30 && code <= 0x7e, output: '' };
  }

  #leave(): { isTaken: boolean; output: string } {
    this.#place = 'text';
    return { isTaken: false, output: '' };
  }

  /** The output for a control sequence: empty unless it is an allowed style. */
  #look(final: string): string {
    const parameters = this.#parameters;
    if (!this.#colors || final !== 'm' || !/^[\d;:]*$/.test(parameters) || hidesText(parameters)) {
      return '';
    }
    this.#isColored = !/^0*$/.test(parameters);
    return `\u001b[${parameters}m`;
  }
}

/** Untrusted text made safe for people to read. Tabs and line feeds stay. See ControlCharStripper. */
export function stripControlChars(text: string, options?: StripOptions): string {
  const stream = new ControlCharStripper(options);
  return stream.push(text) + stream.end();
}

/** The same on a single line, for names of atoms, jobs and slaves. */
export function cleanLine(text: string): string {
  return stripControlChars(text).replaceAll(/\s*\n\s*|\t/g, ' ');
}

/** Strips invisible and reordering characters; for text without control sequences, such as XML. */
export function stripInvisible(text: string): string {
  return text.replace(NOT_FOR_JSON, '');
}

/** The same JSON, with escapes for characters that a terminal would interpret or not show. */
export function escapeControlCharsInJson(json: string): string {
  return json.replace(NOT_FOR_JSON, (found) =>
    [...Array(found.length).keys()]
      .map((at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

function isStringEnd(code: number): boolean {
  return code === BEL || code === C1_ST || code === CANCEL || code === SUBSTITUTE;
}

function isTagUnit(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdc7f;
}

const CONCEAL = '8';
/** Foreground, background and underline colors, which take more parameters. */
const COLORS: ReadonlySet<string> = new Set(['38', '48', '58']);

function hidesText(parameters: string): boolean {
  const all = parameters.split(';').map((one) => one.replace(/^0+(?=\d)/, ''));
  for (let at = 0; at < all.length; at += 1) {
    const parameter = all[at] ?? '';
    if (parameter === CONCEAL) {
      return true;
    }
    if (COLORS.has(parameter)) {
      at += all[at + 1] === '2' ? 4 : 2;
    }
  }
  return false;
}
