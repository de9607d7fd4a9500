/** The secret that is shared by all parts, and the one that it replaces. They may change while a process runs. */
export interface Secrets {
  /** All of them are good; the first signs. */
  current(): readonly [string, ...string[]];
  /** Looks at once whether they have changed; true when they have. */
  refresh(): boolean;
}

/** Secrets that stay as they are. */
export function fixedSecrets(first: string, ...more: readonly string[]): Secrets {
  return { current: () => [first, ...more], refresh: () => false };
}
