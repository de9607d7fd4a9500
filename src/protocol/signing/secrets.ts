/** The shared secret and the one that it replaces. They may change while a process runs. */
export interface Secrets {
  /** All of them verify; the first one signs. */
  current(): readonly [string, ...string[]];
  /** Reads them again. Returns whether they have changed. */
  refresh(): boolean;
}

/** Secrets that never change. */
export function fixedSecrets(first: string, ...more: readonly string[]): Secrets {
  return { current: () => [first, ...more], refresh: () => false };
}
