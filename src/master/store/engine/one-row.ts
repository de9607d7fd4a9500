/**
 * Checks that a conditional update found its row. None means that the memory of the master and its store tell
 * different stories, which no caller can mend.
 * @throws Error
 */
export function expectOneRow(changed: number | bigint | undefined, what: string): void {
  if (Number(changed ?? 0) !== 1) {
    throw new Error(`${what}: ${changed ?? 0} rows changed in the store instead of one.`);
  }
}
