// biome-ignore-all lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const SEQUENCE = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** A test's output must not move the cursor, change colours or set the title of the reader's terminal. */
export function printable(line: string): string {
  return line.replace(SEQUENCE, '').replace(CONTROL, '');
}
