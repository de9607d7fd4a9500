import { TextDecoder } from 'node:util';

const FIRST_BYTES = 200;

/**
 * For the encoding that the beginning of an XML file states (XML 1.0, appendix F), UTF-8 unless it does. What is not
 * valid in it is replaced, as is done by those who show such a file.
 */
export function decoderOf(beginning: Buffer): TextDecoder {
  const label = labelOf(beginning.subarray(0, FIRST_BYTES));
  try {
    return new TextDecoder(label);
  } catch (error) {
    if (error instanceof RangeError) {
      // Of an encoding that nobody knows the tags are ASCII most likely.
      return new TextDecoder();
    }
    throw error;
  }
}

function labelOf(bytes: Buffer): string {
  const [first, second] = bytes;
  if (first === 0xfe && second === 0xff) {
    return 'utf-16be';
  }
  if (first === 0xff && second === 0xfe) {
    return 'utf-16le';
  }
  const [, label] =
    /^(?:\xef\xbb\xbf)?<\?xml[^>]*?\bencoding=["']([\w.:-]+)["']/.exec(bytes.toString('latin1')) ?? [];
  // Who can be read so far has no characters of two bytes.
  return label === undefined || /^(utf-16|ucs-2|iso-10646)/i.test(label) ? 'utf-8' : label;
}
