/** `1 atom`, `2,000 atoms`. `what` takes an s. */
export function countText(number: number, what: string): string {
  return `${number.toLocaleString('en-US')} ${what}${number === 1 ? '' : 's'}`;
}
