/** The signals that end programs most often, by number, as Linux counts them. */
const signals: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  14: 'SIGALRM',
  15: 'SIGTERM',
};

/** An exit code for people: `139 (SIGSEGV)` for the 128 + number of a shell, `124 (timeout)`; empty for none. */
export function exitText(code: number | null): string {
  if (code === null) {
    return '';
  }
  const meaning = code === 124 ? 'timeout' : signals[code - 128];
  return meaning === undefined ? String(code) : `${code} (${meaning})`;
}
