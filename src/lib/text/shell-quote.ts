/** One word of any POSIX shell that stands for exactly this text. */
export function quoteForShell(value: string): string {
  // Neither a leading `-` nor one of these is special to a shell in any place of a word.
  return /^[\w/.,:@%+-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
