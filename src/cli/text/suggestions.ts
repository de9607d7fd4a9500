const MAX_SUGGESTIONS = 3;
const MAX_COMPARED = 100;

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

/**
 * The names that are most similar to an unknown one, in any case: those that contain it or are part of it, then those with
 * few typing errors.
 */
export function namesLike(given: string, known: readonly string[]): string[] {
  const wanted = given.toLowerCase();
  const most = Math.max(1, Math.floor(wanted.length / 3));
  return [...new Set(known)]
    .flatMap((name) => {
      const one = name.toLowerCase();
      const isPart = one !== '' && wanted !== '' && (one.includes(wanted) || wanted.includes(one));
      const errors = isPart ? 0 : typingErrors(wanted, one);
      return errors <= most ? [{ name, errors }] : [];
    })
    .sort((a, b) => a.errors - b.errors)
    .slice(0, MAX_SUGGESTIONS)
    .map(({ name }) => name);
}

/** The characters to insert, leave out or replace to make one text of the other. Long texts differ in all of theirs. */
function typingErrors(a: string, b: string): number {
  if (Math.max(a.length, b.length) > MAX_COMPARED) {
    return a === b ? 0 : Number.POSITIVE_INFINITY;
  }
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    above = current;
  }
  return above[b.length] ?? 0;
}
