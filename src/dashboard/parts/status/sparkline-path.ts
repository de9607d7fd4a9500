/**
 * The path of a line through the values, from left to right in a box of `width` and `height`. 0 is at its bottom, and the
 * highest value at its top. A null leaves a gap.
 */
export function sparklinePath(values: readonly (number | null)[], width: number, height: number): string {
  const highest = values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  let isDrawing = false;
  return values
    .map((value, index) => {
      if (value === null) {
        isDrawing = false;
        return '';
      }
      const x = round(index * step);
      const y = round(height - (highest === 0 ? 0 : (Math.max(0, value) / highest) * height));
      const point = isDrawing ? `L${x} ${y}` : `M${x} ${y}`;
      isDrawing = true;
      // A point alone, between gaps, is drawn as a short line.
      const isAlone = point.startsWith('M') && (values[index + 1] ?? null) === null;
      return isAlone ? `${point}h0.01` : point;
    })
    .join('');
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
