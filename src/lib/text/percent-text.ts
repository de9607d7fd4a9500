/** A part from 0 to 1 in whole percent; neither 0 nor 100 unless it is exactly that. */
export function percentText(part: number): string {
  const percent = part > 0 && part < 1 ? Math.min(99, Math.max(1, Math.round(100 * part))) : 100 * part;
  return `${percent} %`;
}
