/*
 * Lists of whole numbers as a short text: small numbers have one character. The text has no character that JSON or SQL
 * escapes.
 */

/** Five bits of a number each; the second half means that further digits of the same number follow. */
const DIGITS = '0123456789abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUVWXYZ-_wxyz';
const BASE = 32;
const digitValues = new Map(Array.from(DIGITS, (digit, value) => [digit, value]));

/** Packs a safe integer from 0, lowest digits first. */
export function packNumber(number: number): string {
  let text = '';
  let rest = number;
  for (; rest >= BASE; rest = Math.floor(rest / BASE)) {
    text += DIGITS[BASE + (rest % BASE)] ?? '';
  }
  return text + (DIGITS[rest] ?? '');
}

/** Reads the numbers of a packed text one after another. */
export class PackedNumbers {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get hasMore(): boolean {
    return this.#at < this.#text.length;
  }

  /** @throws Error for a text that `packNumber` has not written */
  next(): number {
    let number = 0;
    for (let weight = 1; ; weight *= BASE) {
      const digit = digitValues.get(this.#text[this.#at] ?? '');
      if (digit === undefined) {
        throw new Error(`The packed history ${JSON.stringify(this.#text)} is damaged.`);
      }
      this.#at += 1;
      number += (digit % BASE) * weight;
      if (digit < BASE) {
        return number;
      }
    }
  }
}
