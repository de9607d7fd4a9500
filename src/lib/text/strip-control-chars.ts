/*
 * What others wrote (tests, names of jobs, messages of servers) must not move the cursor, set the title, make links, hide
 * or reorder text where a person reads it. Sequences as in ECMA-48 and as xterm takes them.
 */

/** Characters that show nothing and change how others are shown; as text for a class of a regular expression. */
const INVISIBLE = '\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb';
/** C0 but tab and line end, DEL, C1. */
const CONTROL = '\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f';
/** What is invisible beyond 16 bits: tags, which spell text that nobody sees. */
const TAG = '\\udb40[\\udc00-\\udc7f]';

const SUSPICIOUS = new RegExp(`[${CONTROL}${INVISIBLE}\\ud800-\\udbff]`, 'g');
/** JSON has the others as escapes already. */
const NOT_FOR_JSON = new RegExp(`[\\u007f-\\u009f${INVISIBLE}]|${TAG}`, 'g');

/** A longer sequence is none: what follows it is text. */
const MAX_SEQUENCE = 256;

const ESC = 0x1b;
const BEL = 0x07;
const CANCEL = 0x18;
const SUBSTITUTE = 0x1a;
const C1_CSI = 0x9b;
const C1_ST = 0x9c;
/** DCS, SOS, OSC, PM and APC as single characters, and behind ESC. */
const C1_STRINGS: ReadonlySet<number> = new Set([0x90, 0x98, 0x9d, 0x9e, 0x9f]);
const ESC_STRINGS: ReadonlySet<string> = new Set(['P', 'X', ']', '^', '_']);
const FIRST_TAG_UNIT = 0xdb40;

export interface StripOptions {
  /** Lets colors and other looks of text (SGR) pass, but for text that is hidden. */
  readonly colors?: boolean;
}

type Place = 'text' | 'escape' | 'intermediate' | 'csi' | 'string' | 'string escape';

/**
 * Makes text that comes in pieces printable: sequences are found also where they lie in several pieces, and the pieces
 * together are what the whole would be.
 */
export class ControlCharStripper {
  readonly #colors: boolean;
  #place: Place = 'text';
  /** Of the control sequence that has begun, behind its introducer. */
  #parameters = '';
  /** The first half of a character, which may be one of those that are left out. */
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
        // A character that does not belong to the sequence ends it, and is looked at again as text.
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

  /** Nothing follows. Takes colors back that were left on. */
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
        // No title or link has a line end: what is not ended there would take all that follows with it.
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

  /** What is shown of a control sequence: nothing, unless it changes the look of text and may. */
  #look(final: string): string {
    const parameters = this.#parameters;
    if (!this.#colors || final !== 'm' || !/^[\d;:]*$/.test(parameters) || hidesText(parameters)) {
      return '';
    }
    this.#isColored = !/^0*$/.test(parameters);
    return `\u001b[${parameters}m`;
  }
}

/** Text of others as a person may read it. Tabs and line ends stay. See ControlCharStripper. */
export function stripControlChars(text: string, options?: StripOptions): string {
  const stream = new ControlCharStripper(options);
  return stream.push(text) + stream.end();
}

/** Like stripControlChars, of what must stay within its line: the name of an atom, of a job, of a slave. */
export function cleanLine(text: string): string {
  return stripControlChars(text).replaceAll(/\s*\n\s*|\t/g, ' ');
}

/** Without what is not shown or reorders text; for text that holds no sequences, like that of XML. */
export function stripInvisible(text: string): string {
  return text.replace(NOT_FOR_JSON, '');
}

/** The same JSON, with escapes for characters that a terminal would obey or not show. */
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
/** Colors of the letters, of what is behind them, and of lines below them take more parameters. */
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
