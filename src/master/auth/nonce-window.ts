/** A signature is valid from a minute before its time to a minute after it. */
const USABLE_MS = 120_000;
/** Clocks tick in steps, and the two that are compared are not read at the same moment. */
const MARGIN_MS = 5_000;

interface Group {
  readonly nonces: string[];
  /** When the last of them was added, by the monotonic clock. */
  newest: number;
}

/**
 * Nonces that were seen. One is forgotten when its signature has expired by the wall clock and by the monotonic clock too.
 * So a wall clock that is wrong for a while and then corrected makes none usable again.
 */
export class NonceWindow {
  readonly #seen = new Set<string>();
  /** By the second since the epoch at which they expire. */
  readonly #groups = new Map<number, Group>();

  /** False when it was seen before. `expires` in seconds since the epoch, `monotonic` in milliseconds. */
  remember(nonce: string, expires: number, monotonic: number): boolean {
    if (this.#seen.has(nonce)) {
      return false;
    }
    this.#seen.add(nonce);
    const group = this.#groups.get(expires);
    if (group === undefined) {
      this.#groups.set(expires, { nonces: [nonce], newest: monotonic });
    } else {
      group.nonces.push(nonce);
      group.newest = monotonic;
    }
    return true;
  }

  /**
   * Forgets expired nonces. `now` in seconds since the epoch.
   * @returns the second before which none is left; null when none was forgotten
   */
  forgetExpired(now: number, monotonic: number): number | null {
    let kept = now;
    let isAnyForgotten = false;
    for (const [expires, group] of this.#groups) {
      if (expires >= now || monotonic - group.newest < USABLE_MS + MARGIN_MS) {
        kept = Math.min(kept, expires);
        continue;
      }
      for (const nonce of group.nonces) {
        this.#seen.delete(nonce);
      }
      this.#groups.delete(expires);
      isAnyForgotten = true;
    }
    return isAnyForgotten ? kept : null;
  }
}
