import { type Clock, seconds } from '../../lib/clock.js';
import { type SetupTime, takes } from '../../protocol/slave/optional-reports.js';
import type { RunAssignment } from '../../protocol/slave/slave-messages.js';

/** A setup that took less was done before, so nothing had to be waited for. */
const LEAST_SETUP_MS = 10;

/** The times of one lease as its reports have them: empty for a master that does not take them. */
export class LeaseTimes {
  readonly #clock: Clock;
  readonly #arrivedAt: number;
  readonly #areTaken: boolean;

  /** `arrivedAt` in milliseconds of the monotonic clock. */
  constructor(clock: Clock, assignment: Pick<RunAssignment, 'takes'>, arrivedAt: number) {
    this.#clock = clock;
    this.#arrivedAt = arrivedAt;
    this.#areTaken = takes(assignment, 'times');
  }

  /** For an atom that began at `moment`, in milliseconds of the monotonic clock. */
  beganAt(moment: number): { readonly began?: number } {
    return this.#areTaken ? { began: this.#sinceArrival(moment) } : {};
  }

  /** For a setup that began at `since`, in milliseconds of the monotonic clock, and has ended now. */
  setup(since: number): { readonly setup?: SetupTime } {
    const took = this.#clock.monotonic() - since;
    return this.#areTaken && took >= LEAST_SETUP_MS
      ? { setup: { began: this.#sinceArrival(since), seconds: inSeconds(took) } }
      : {};
  }

  /** `index` is the EXECUTOR_INDEX of the executor that works on the lease. */
  executor(index: number): { readonly executor_index?: number } {
    return this.#areTaken ? { executor_index: index } : {};
  }

  #sinceArrival(moment: number): number {
    return inSeconds(Math.max(0, moment - this.#arrivedAt));
  }
}

/** Parts of a millisecond would only lengthen the report. */
function inSeconds(ms: number): number {
  return seconds(Math.round(ms));
}
