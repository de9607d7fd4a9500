/**
 * `-f NAME URL` takes two words, which the option parser does not support for a repeatable option before an argument. So
 * each pair is joined into one word: a JSON array, which `readRemoteFilePair` parses.
 */
export function joinRemoteFilePairs(argv: readonly string[]): string[] {
  const joined: string[] = [];
  for (let i = 0; i < argv.length; i += 1) {
    const word = argv[i] ?? '';
    if (word === '--') {
      return [...joined, ...argv.slice(i)];
    }
    joined.push(word);
    if (word === '-f' || word === '--remote-file') {
      const pair = argv.slice(i + 1, i + 3);
      joined.push(JSON.stringify(pair));
      i += pair.length;
    }
  }
  return joined;
}

/** The name and the URL, or null when the option was not followed by two words. */
export function readRemoteFilePair(word: string): { name: string; url: string } | null {
  const pair: unknown = JSON.parse(word);
  if (!Array.isArray(pair)) {
    return null;
  }
  const [name, url]: unknown[] = pair;
  return typeof name === 'string' && typeof url === 'string' ? { name, url } : null;
}
