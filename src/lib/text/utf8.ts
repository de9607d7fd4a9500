/** How many of the last bytes are an incomplete UTF-8 character: 0 to 3. */
export function unfinishedBytes(bytes: Uint8Array): number {
  for (let length = 1; length <= Math.min(3, bytes.length); length += 1) {
    const byte = bytes[bytes.length - length] ?? 0;
    if ((byte & 0xc0) !== 0x80) {
      return lengthOfCharacter(byte) > length ? length : 0;
    }
  }
  return 0;
}

/** Length of the character that begins with this byte; 1 for a byte that begins none. */
function lengthOfCharacter(first: number): number {
  if (first < 0xc2 || first > 0xf4) {
    return 1;
  }
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}
