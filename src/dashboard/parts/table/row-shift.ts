export type RowKey = string | number;

/** Rows beyond those that were visible, on each side, among which they are looked for. */
const REACH = 100;

/**
 * How far rows have moved, such as by others that were added above them. `before` are the rows that were visible; more than
 * half of them must have moved so far, or it is 0. `keyAt` is null for a row that is not loaded.
 */
export function rowShift(
  before: ReadonlyMap<RowKey, number>,
  keyAt: (index: number) => RowKey | null,
): number {
  const counts = new Map<number, number>();
  const indexes = [...before.values()];
  if (indexes.length === 0) {
    return 0;
  }
  const last = Math.max(...indexes) + REACH;
  for (let index = Math.max(0, Math.min(...indexes) - REACH); index <= last; index += 1) {
    const key = keyAt(index);
    const former = key === null ? undefined : before.get(key);
    if (former !== undefined) {
      counts.set(index - former, (counts.get(index - former) ?? 0) + 1);
    }
  }
  return [...counts].find(([, count]) => count * 2 > before.size)?.[0] ?? 0;
}
