import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';

/** The usual corrections of a running clock are smaller. */
const NOTEWORTHY_MS = 10_000;

/** Logs when the clock of this machine was set, which explains odd times in events and refused signatures. */
export class ClockJumps {
  readonly #clock: Clock;
  readonly #log: Logger;
  #difference: number;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
    this.#difference = clock.now() - clock.monotonic();
  }

  look(): void {
    const difference = this.#clock.now() - this.#clock.monotonic();
    const jump = difference - this.#difference;
    this.#difference = difference;
    if (Math.abs(jump) >= NOTEWORTHY_MS) {
      const way = jump > 0 ? 'forward' : 'back';
      this.#log.warn(
        `The clock of this machine was set ${way} by ${Math.round(Math.abs(jump) / 1000)} s, or the machine was suspended for that time; nothing that lasts is measured by it.`,
      );
    }
  }
}
