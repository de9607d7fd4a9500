// biome-ignore-all lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const SEQUENCE = /(?:\u001b\[|\u009b)[0-9;?]*[ -/]*[@-~]/g;
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/**
 * What somebody else wrote (a test's output, the name of a job) must not move the cursor, change colours or set the
 * title of the reader's terminal. Tabs and line ends stay.
 */
export function printable(text: string): string {
  return text.replace(SEQUENCE, '').replace(CONTROL, '');
}
