const MAX_SUGGESTIONS = 3;

/**
 * The long options similar to an unknown one: those that share a word with it, those with the same beginning first. The
 * option parser itself finds typing errors.
 * @param given with its dashes
 */
export function optionsLike(given: string, known: readonly string[]): string[] {
  const wanted = wordsOf(given);
  const similar = known.filter((option) => wordsOf(option).some((word) => wanted.includes(word)));
  const rank = (option: string) => (option.startsWith(given) ? 0 : 1);
  return [...new Set(similar)].sort((a, b) => rank(a) - rank(b)).slice(0, MAX_SUGGESTIONS);
}

function wordsOf(option: string): string[] {
  return option
    .toLowerCase()
    .split('-')
    .filter((word) => word.length > 2);
}
