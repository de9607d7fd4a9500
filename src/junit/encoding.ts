import { TextDecoder } from 'node:util';

/** Bytes from the beginning of a file that say which encoding it has. */
export const FIRST_BYTES = 256;

/**
 * For the encoding that the beginning of an XML file states (XML 1.0, appendix F): by a byte order mark, by how a `<` is
 * written, by its declaration, in this order; UTF-8 unless it does. Bytes that are not valid in it are replaced, as is
 * done by programs that show such a file.
 */
export function decoderOf(beginning: Buffer): TextDecoder {
  const label = labelOf(beginning.subarray(0, FIRST_BYTES));
  try {
    return new TextDecoder(label);
  } catch (error) {
    if (error instanceof RangeError) {
      // The tags of an unknown encoding are ASCII most likely.
      return new TextDecoder();
    }
    throw error;
  }
}

function labelOf(bytes: Buffer): string {
  const [first, second, third] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) {
    return 'utf-8';
  }
  if ((first === 0xfe && second === 0xff) || (first === 0 && isMarkup(second))) {
    return 'utf-16be';
  }
  if ((first === 0xff && second === 0xfe) || (isMarkup(first) && second === 0)) {
    return 'utf-16le';
  }
  const [, label] =
    /^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([\w.:-]+)["']/.exec(bytes.toString('latin1')) ?? [];
  // A declaration that could be read as ASCII is not in one of these, whatever it says.
  return label === undefined || /^(utf-?16|utf-?32|ucs-?[24]|iso-10646)/i.test(label) ? 'utf-8' : label;
}

/** `<`, or a blank before it. */
function isMarkup(byte: number | undefined): boolean {
  return byte === 0x3c || byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
