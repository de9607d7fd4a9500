import { TextDecoder } from 'node:util';

/** Bytes at the beginning of a file that determine its encoding. */
export const FIRST_BYTES = 256;

/**
 * A decoder for the encoding of an XML file (XML 1.0, appendix F). The encoding is determined by the byte order mark, the
 * bytes of the first `<`, or the declaration, in this order; UTF-8 by default. Invalid bytes are replaced.
 */
export function decoderOf(beginning: Buffer): TextDecoder {
  const label = labelOf(beginning.subarray(0, FIRST_BYTES));
  try {
    return new TextDecoder(label);
  } catch (error) {
    if (error instanceof RangeError) {
      // The tags are most likely ASCII in an unknown encoding too.
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
  // A declaration that can be read as ASCII cannot be in one of these, whatever it states.
  return label === undefined || /^(utf-?16|utf-?32|ucs-?[24]|iso-10646)/i.test(label) ? 'utf-8' : label;
}

/** `<`, or a blank before it. */
function isMarkup(byte: number | undefined): boolean {
  return byte === 0x3c || byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
