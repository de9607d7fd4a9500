import type { SlaveId } from '../../protocol/ids.js';

/** Less than this is negligible, and not measured well: progress is reported once a second. */
const LEAST_SECONDS = 2;

/** The work of a slave before it runs a subjob: fetch the project and set it up, only set it up, or nothing. */
export type SetupNeeded = 'everything' | 'setup' | 'nothing';

/** The cost for a build to begin on one more slave: fetching the project and `setup_build`, measured on earlier slaves. */
export class SetupCost {
  readonly #open = new Map<SlaveId, 'fetched' | 'ready'>();
  #full = { seconds: 0, count: 0 };
  #setupOnly: number | null = null;

  /** The slave has had work of the build, and was not notified to release it. */
  isOpenOn(slave: SlaveId): boolean {
    return this.#open.has(slave);
  }

  /** The preparation begins on the slave, which fetches the project. */
  prepare(slave: SlaveId): void {
    this.#open.set(slave, 'fetched');
  }

  /** A subjob begins on the slave. @returns what has to be done there before */
  run(slave: SlaveId): SetupNeeded {
    const before = this.#open.get(slave);
    this.#open.set(slave, 'ready');
    return before === undefined ? 'everything' : before === 'fetched' ? 'setup' : 'nothing';
  }

  /** The slave says that it has a workspace of the build, which a restarted master does not know. */
  keep(slave: SlaveId): void {
    if (!this.isOpenOn(slave)) {
      this.#open.set(slave, 'ready');
    }
  }

  /** The slave removes what it has of the build. */
  close(slave: SlaveId): void {
    this.#open.delete(slave);
  }

  /** It took `seconds` from a lease to the start of its first atom, and this had to be done before. */
  learn(seconds: number, setupNeeded: SetupNeeded): void {
    if (setupNeeded === 'everything') {
      this.#full = { seconds: this.#full.seconds + seconds, count: this.#full.count + 1 };
    } else if (setupNeeded === 'setup') {
      this.#setupOnly ??= seconds;
    }
  }

  /** The mean over the slaves that have fetched and set it up; before there is one, the setup of the slave that prepared
   *  the build; null before that, or when it is negligible. */
  get seconds(): number | null {
    const { seconds, count } = this.#full;
    const measured = count === 0 ? this.#setupOnly : seconds / count;
    return measured === null || measured < LEAST_SECONDS ? null : measured;
  }
}
