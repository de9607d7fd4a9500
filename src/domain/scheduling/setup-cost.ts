import type { SlaveId } from '../../protocol/ids.js';

/** Less than this is not worth a thought, and not measured well: progress is reported once a second. */
const LEAST_SECONDS = 2;

/** What a slave has to do before it can run a subjob: fetch the project and set it up, only set it up, or nothing. */
export type SetupNeeded = 'everything' | 'setup' | 'nothing';

/**
 * What it costs a build to begin on one more slave: fetching the project and `setup_build`, as measured on those that
 * have done it.
 */
export class SetupCost {
  readonly #open = new Map<SlaveId, 'fetched' | 'ready'>();
  #whole = { seconds: 0, count: 0 };
  #part: number | null = null;

  /** The slave has had work of the build, and has not been told that it is over. */
  isOpenOn(slave: SlaveId): boolean {
    return this.#open.has(slave);
  }

  /** Its preparation begins on the slave, which fetches the project. */
  prepare(slave: SlaveId): void {
    this.#open.set(slave, 'fetched');
  }

  /** A subjob of it begins on the slave. Answers what has to be done there before. */
  run(slave: SlaveId): SetupNeeded {
    const before = this.#open.get(slave);
    this.#open.set(slave, 'ready');
    return before === undefined ? 'everything' : before === 'fetched' ? 'setup' : 'nothing';
  }

  /** The slave says that it has a workspace of the build, which a master that was started again has forgotten. */
  keep(slave: SlaveId): void {
    if (!this.isOpenOn(slave)) {
      this.#open.set(slave, 'ready');
    }
  }

  /** The slave removes what it has of the build. */
  close(slave: SlaveId): void {
    this.#open.delete(slave);
  }

  /** `seconds` from a lease to the start of its first atom, before which this had to be done. */
  learn(seconds: number, setupNeeded: SetupNeeded): void {
    if (setupNeeded === 'everything') {
      this.#whole = { seconds: this.#whole.seconds + seconds, count: this.#whole.count + 1 };
    } else if (setupNeeded === 'setup') {
      this.#part ??= seconds;
    }
  }

  /** The mean of the slaves that have fetched it and set it up; before there is one, the setup of the one that prepared
   *  the build; null before that, or when it is nothing to speak of. */
  get seconds(): number | null {
    const { seconds, count } = this.#whole;
    const measured = count === 0 ? this.#part : seconds / count;
    return measured === null || measured < LEAST_SECONDS ? null : measured;
  }
}
