import sax from 'sax';

declare module 'sax' {
  /** Characters of a name or declaration. */
  export let MAX_BUFFER_LENGTH: number;
  interface SAXParser {
    attribValue: string;
    comment: string;
  }
}

sax.MAX_BUFFER_LENGTH = 1024 * 1024;

const MAX_ATTRIBUTES = 200;
/** Between two looks at how much the parser holds. */
const PIECE_CHARS = 64 * 1024;

export type Attributes = Readonly<Record<string, string>>;

export interface XmlEvents {
  /** A document type with entities of its own. They are not expanded. */
  declaresEntities(): void;
  open(name: string, attributes: Attributes): void;
  /** Never ends in the middle of a character. */
  text(text: string): void;
  close(name: string): void;
  /** Not well-formed from here on; the last event. */
  broken(problem: string): void;
}

/**
 * A parser of XML in pieces. It follows no reference and expands no entity of the document. Names of HTML (`&nbsp;`) and
 * numbers of any character are taken as references, also of characters that XML 1.0 does not allow, since tools write
 * them. It holds what is open, and the attributes of one tag, however long they are.
 */
export class XmlParser {
  readonly #sax = new sax.SAXParser(true, { position: true });
  readonly #events: XmlEvents;
  #attributes: Record<string, string> = noAttributes();
  #numAttributes = 0;
  /** Of an attribute whose end has not come yet. */
  #value: string[] = [];
  /** A high surrogate whose other half has not come yet. */
  #half = '';
  #isBroken = false;

  constructor(events: XmlEvents) {
    this.#events = events;
    const parser = this.#sax;
    parser.ENTITIES = references(parser.ENTITIES);
    parser.onerror = (error) => {
      // Else the parser would go on to the end of the piece, with an error for each character.
      throw new NotWellFormed(sentenceOf(error));
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

  /** `isOver` is asked between pieces. */
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

  /** What the parser collects character by character would otherwise cost 30 times its length, or be refused. */
  #release(): void {
    const parser = this.#sax;
    parser.flush();
    parser.comment = '';
    if (parser.attribValue.length > PIECE_CHARS / 2) {
      // Makes one string of the pieces that it is put together of.
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
    // The parser calls a method of this object, which an attribute of its name would replace.
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

/** Any name of an attribute is only that. */
function noAttributes(): Record<string, string> {
  return Object.create(null);
}

/** The parser asks it for each reference by name, and refuses those for which there is nothing. */
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

/** The parser adds line and column on lines of their own. */
function sentenceOf(error: Error): string {
  return (error.message.split('\n')[0] ?? '').replace(/\.$/, '');
}
