import { durationText } from '../../../lib/text/duration-text.js';

const AGAIN_SECONDS = 60;

/** Lines about an unreachable master: at the beginning, when the reason changes, once a minute, at the end. */
export class AwayNotice {
  #away: { readonly since: number; readonly message: string; readonly said: number } | null = null;

  get isAway(): boolean {
    return this.#away !== null;
  }

  /** To be called when a request has failed. `now` in seconds. */
  failed(message: string, now: number): string[] {
    const before = this.#away;
    if (before !== null && before.message === message) {
      return this.tick(now);
    }
    this.#away = { since: before?.since ?? now, message, said: now };
    return [message];
  }

  /** To be called regularly. */
  tick(now: number): string[] {
    const away = this.#away;
    if (away === null || now - away.said < AGAIN_SECONDS) {
      return [];
    }
    this.#away = { ...away, said: now };
    return [`${away.message} (for ${durationText(now - away.since)} now)`];
  }

  /** To be called when the master has responded. */
  responded(now: number): string[] {
    const away = this.#away;
    this.#away = null;
    return away === null ? [] : [`The master responds again, after ${durationText(now - away.since)}.`];
  }
}
