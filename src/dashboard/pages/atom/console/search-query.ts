import type { SearchText } from './use-console-search.js';

/** The names of the parameters of the address that hold a search. */
export const searchNames = { text: 'q', isRegex: 'regex', isExact: 'case' } as const;

/** The search that the address holds; null for none. */
export function searchIn(query: URLSearchParams): SearchText | null {
  const text = query.get(searchNames.text) ?? '';
  return text === ''
    ? null
    : { text, isRegex: query.has(searchNames.isRegex), isExact: query.has(searchNames.isExact) };
}
