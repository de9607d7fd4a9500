/** Quotes a text as one word for any POSIX shell. */
export function quoteForShell(value: string): string {
  // None of these, nor a leading `-`, is special to a shell anywhere in a word.
  return /^[\w/.,:@%+-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
