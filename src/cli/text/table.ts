import { cleanLine } from '../../lib/text/strip-control-chars.js';

/** Aligned columns, two spaces apart, one line per row. */
export function table(cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map(cleanLine));
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
