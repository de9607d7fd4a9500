import { firstFrom, goesOn, type SearchProgress } from './search-progress.js';

/** `3 of 120 matches`, `12 matches, 35 % searched`, `no match`. `currentLine`: that of the current match. */
export function searchText(progress: SearchProgress, currentLine: number | null): string {
  const { matches, isDone, fromLine, totalLines } = progress;
  const number = matches.length.toLocaleString('en-US');
  const isBeyond = !isDone && !goesOn(progress);
  const all = `${number}${isBeyond ? ' or more' : ''} ${matches.length === 1 ? 'match' : 'matches'}`;
  const place =
    currentLine === null ? '' : `${(firstFrom(matches, currentLine) + 1).toLocaleString('en-US')} of `;
  if (isDone && matches.length === 0) {
    return 'no match';
  }
  if (isDone || isBeyond) {
    return place + all;
  }
  const percent = totalLines === 0 ? 0 : Math.floor((100 * fromLine) / totalLines);
  return `${matches.length === 0 ? '' : `${place}${all}, `}${percent} % searched`;
}
