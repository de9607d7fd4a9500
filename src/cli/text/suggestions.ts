const MAX_SUGGESTIONS = 3;

/**
 * The long options that somebody may have meant who gave a word that is none: those that have one of its words, the
 * ones that begin like it first. Slips of the pen are found by the option parser itself.
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
