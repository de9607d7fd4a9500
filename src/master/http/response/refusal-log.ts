import type { Clock } from '../../../lib/clock.js';
import type { Logger } from '../../../lib/logger.js';
import { shownAddress } from '../auth/client-address.js';
import type { ProofKind } from '../auth/signature-rate-limit.js';

const WINDOW_MS = 60_000;
/** A sender with many addresses must not fill the log either. */
const MAX_LINES = 10;

/** Logs invalid proofs: once a minute for each address and kind, and for a few addresses a minute. */
export class RefusalLog {
  readonly #clock: Clock;
  readonly #log: Logger;
  #began: number;
  #lines = 0;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
    this.#began = clock.monotonic();
  }

  /** To be called for the first invalid proof of a kind and address within a minute. */
  note(kind: ProofKind, address: string): void {
    const now = this.#clock.monotonic();
    if (now - this.#began >= WINDOW_MS) {
      this.#began = now;
      this.#lines = 0;
    }
    this.#lines += 1;
    if (this.#lines < MAX_LINES) {
      const shown = shownAddress(address);
      this.#log.warn({ address: shown, kind }, `A request of ${shown} was refused: its ${kind} is wrong.`);
    } else if (this.#lines === MAX_LINES) {
      this.#log.warn('Requests of more addresses were refused in this minute; they are not named.');
    }
  }
}
