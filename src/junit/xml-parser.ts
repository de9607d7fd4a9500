import sax from 'sax';

declare module 'sax' {
  /** The longest name or declaration in characters. */
  export let MAX_BUFFER_LENGTH: number;
  interface SAXParser {
    attribValue: string;
    comment: string;
  }
}

sax.MAX_BUFFER_LENGTH = 1024 * 1024;

const MAX_ATTRIBUTES = 200;
/** Characters between two checks of how much the parser holds. */
const PIECE_CHARS = 64 * 1024;

export type Attributes = Readonly<Record<string, string>>;

export interface XmlEvents {
  /** The document type declares entities, which are not expanded. */
  declaresEntities(): void;
  open(name: string, attributes: Attributes): void;
  /** The text never ends within a surrogate pair. */
  text(text: string): void;
  close(name: string): void;
  /** The input is not well-formed from here on; the last event. */
  broken(problem: string): void;
}

/**
 * A streaming XML parser. It loads no external entities, and expands none of the document. Entities of HTML (`&nbsp;`) and
 * all numeric references are accepted, also for characters that XML 1.0 does not allow, since tools write them. It holds the
 * open elements, and the attributes of one tag, however long they are.
 */
export class XmlParser {
  readonly #sax = new sax.SAXParser(true, { position: true });
  readonly #events: XmlEvents;
  #attributes: Record<string, string> = noAttributes();
  #numAttributes = 0;
  /** Parts of an unfinished attribute. */
  #value: string[] = [];
  /** A high surrogate at the end of a piece. */
  #half = '';
  #isBroken = false;

  constructor(events: XmlEvents) {
    this.#events = events;
    const parser = this.#sax;
    parser.ENTITIES = references(parser.ENTITIES);
    parser.onerror = (error) => {
      // Otherwise the parser would go on to the end of the piece, with an error for each character.
      throw new NotWellFormed(firstLineOf(error));
    };
    parser.ondoctype = (doctype) => {
      if (/<!ENTITY\s/.test(doctype)) {
        events.declaresEntities();
      }
    };
    parser.onattribute = ({ name, value }) => this.#attribute(name, value);
    parser.onopentag = ({ name }) => {
      const attributes = this.#attributes;
      this.#attributes = noAttributes();
      this.#numAttributes = 0;
      this.#flushHalf();
      events.open(name, attributes);
    };
    parser.onclosetag = (name) => {
      this.#flushHalf();
      events.close(name);
    };
    parser.ontext = (text) => this.#text(text);
    parser.oncdata = (text) => this.#text(text);
  }

  /** From 1. */
  get line(): number {
    return this.#sax.line + 1;
  }

  /** Stops when `isOver`, which is called between pieces, returns true. */
  push(text: string, isOver: () => boolean): void {
    for (let at = 0; at < text.length && !this.#isBroken && !isOver(); at += PIECE_CHARS) {
      this.#orBroken(() => {
        this.#sax.write(text.slice(at, at + PIECE_CHARS));
        this.#release();
      });
    }
  }

  end(): void {
    if (!this.#isBroken) {
      this.#orBroken(() => this.#sax.close());
    }
  }

  #orBroken(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof NotWellFormed)) {
        throw error;
      }
      this.#isBroken = true;
      this.#events.broken(error.message);
    }
  }

  /** Takes over what the parser collects by character, which would cost 30 times its length, or be refused. */
  #release(): void {
    const parser = this.#sax;
    parser.flush();
    parser.comment = '';
    if (parser.attribValue.length > PIECE_CHARS / 2) {
      // Flattens the concatenated string.
      parser.attribValue.charCodeAt(0);
      this.#value.push(parser.attribValue);
      parser.attribValue = '';
    }
  }

  #attribute(name: string, end: string): void {
    const value = this.#value.length === 0 ? end : [...this.#value, end].join('');
    this.#value = [];
    this.#numAttributes += 1;
    if (this.#numAttributes > MAX_ATTRIBUTES) {
      throw new NotWellFormed(`a tag has more than ${MAX_ATTRIBUTES} attributes`);
    }
    this.#attributes[name] ??= value;
    // The parser calls methods of this object, which attributes of their names would replace.
    delete this.#sax.tag.attributes[name];
  }

  #text(text: string): void {
    const all = this.#half + text;
    const last = all.charCodeAt(all.length - 1);
    const isHalf = last >= 0xd800 && last <= 0xdbff;
    this.#half = isHalf ? all.slice(-1) : '';
    const whole = isHalf ? all.slice(0, -1) : all;
    if (whole !== '') {
      this.#events.text(whole);
    }
  }

  #flushHalf(): void {
    if (this.#half !== '') {
      this.#events.text(this.#half);
      this.#half = '';
    }
  }
}

class NotWellFormed extends Error {}

/** Without a prototype, so that any attribute name is safe. */
function noAttributes(): Record<string, string> {
  return Object.create(null);
}

/** The parser looks up each reference by name, and refuses those without a value. */
function references(known: Readonly<Record<string, unknown>>): Record<string, string> {
  return new Proxy<Record<string, string>>(
    {},
    {
      get(_, name) {
        const value = typeof name === 'string' ? known[name] : undefined;
        return typeof value === 'string' ? value : typeof name === 'string' ? characterOf(name) : undefined;
      },
    },
  );
}

/** `#27` or `#x1b`. */
function characterOf(reference: string): string | undefined {
  const [, hex, decimal] = /^#(?:[xX]([\da-fA-F]+)|(\d+))$/.exec(reference) ?? [];
  const code = hex === undefined ? Number.parseInt(decimal ?? '', 10) : Number.parseInt(hex, 16);
  return code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}

/** The parser adds line and column on further lines. */
function firstLineOf(error: Error): string {
  return (error.message.split('\n')[0] ?? '').replace(/\.$/, '');
}
