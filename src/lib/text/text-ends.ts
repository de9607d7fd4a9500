/** The beginning of a text, of at most `max` UTF-16 units and whole characters. */
export function textStart(text: string, max: number): string {
  const cut = text.slice(0, max);
  return cut.length < text.length && isHighSurrogate(cut.charCodeAt(cut.length - 1)) ? cut.slice(0, -1) : cut;
}

/** The end of a text, of at most `max` UTF-16 units and whole characters. */
export function textEnd(text: string, max: number): string {
  const cut = max === 0 ? '' : text.slice(-max);
  return cut.length < text.length && isLowSurrogate(cut.charCodeAt(0)) ? cut.slice(1) : cut;
}

/** The last bytes of a UTF-8 text, at most `max` of them, without a character cut at the beginning. */
export function utf8End(bytes: Buffer, max: number): Buffer {
  let start = Math.max(0, bytes.length - max);
  const cutAt = start;
  // A character has three such bytes at most; with more, the text is not UTF-8, and no other position is better.
  while (start > 0 && start < cutAt + 3 && isContinuation(bytes[start])) {
    start += 1;
  }
  return bytes.subarray(isContinuation(bytes[start]) ? cutAt : start);
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
