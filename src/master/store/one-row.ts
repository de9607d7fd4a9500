/**
 * Checks that a conditional update found its row. None means that the memory of the master and its store tell
 * different stories, which no caller can mend.
 * @throws Error
 */
export function expectOneRow(changed: bigint | undefined, what: string): void {
  if (changed !== 1n) {
    throw new Error(`${what}: ${changed ?? 0n} rows changed in the store instead of one.`);
  }
}
