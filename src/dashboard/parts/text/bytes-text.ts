const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A size with three digits at most: 0 B, 999 B, 1.2 KiB, 12 KiB, 340 MiB. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // A number that rounds to 1000 takes the next unit.
  for (; Math.round(value) >= 1000 && unit < UNITS.length - 1; unit += 1) {
    value /= 1024;
  }
  const digits = unit === 0 || value >= 9.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}
