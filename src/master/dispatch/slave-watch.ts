import { ListenedTime } from '../../domain/listened-time.js';
import { afterLook, type Presence, unseen } from '../../domain/suspicion.js';
import { sleepUnlessAborted } from '../../lib/async/sleep-unless-aborted.js';
import { type MasterState, StateChange } from '../state/master-state.js';
import type { RegisteredSlave } from '../state/registered-slave.js';
import { appendEvent } from '../store/events.js';
import type { SlavePolls } from './slave-polls.js';

const LOOK_EVERY_MS = 250;
/** A later look counts as one that is so late. */
const MOST_MS_BETWEEN = 2 * LOOK_EVERY_MS;

interface Watched {
  readonly presence: Presence;
  /** When it was last heard, as of the last look. */
  readonly heardAt: number;
}

/** Notices within seconds that a slave does not respond, and lets others start its work; see domain/suspicion. */
export class SlaveWatch {
  readonly #master: MasterState;
  readonly #polls: Pick<SlavePolls, 'hasOpenPoll'>;
  readonly #patienceMs: number;
  readonly #listened: ListenedTime;
  #watched: ReadonlyMap<RegisteredSlave, Watched> = new Map();
  #isSlow = false;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  /** Watches until `stop`. `patienceMs`: the time after which an absent slave is suspect; 0: never. */
  constructor(master: MasterState, polls: Pick<SlavePolls, 'hasOpenPoll'>, patienceMs: number) {
    this.#master = master;
    this.#polls = polls;
    this.#patienceMs = patienceMs;
    this.#listened = new ListenedTime(master.steady, MOST_MS_BETWEEN);
    this.#done = patienceMs === 0 ? Promise.resolve() : this.#run();
  }

  /** Slaves come back so late that more of their requests would do no good. */
  get isSlow(): boolean {
    return this.#isSlow;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { clock } = this.#master;
    while (await sleepUnlessAborted(clock, LOOK_EVERY_MS, this.#stop.signal)) {
      const missed = this.#listened.note(this.#master.steady);
      // After a longer gap, requests that came meanwhile may not have been read yet.
      if (missed === 0) {
        this.#look();
      }
    }
  }

  #look(): void {
    const { slaves, steady, writer } = this.#master;
    const connected = [...slaves.connected()];
    const fleet = connected.map((slave) => {
      const last = this.#watched.get(slave);
      const wasHeard = last !== undefined && last.heardAt !== slave.heardAt;
      return { before: last?.presence ?? unseen, isPresent: wasHeard || this.#polls.hasOpenPoll(slave) };
    });
    const outlook = afterLook(fleet, {
      patienceMs: this.#patienceMs,
      isRefusing: !writer.isWritable,
      now: this.#listened.read(steady),
    });
    this.#isSlow = outlook.isSlow;
    const watched = new Map<RegisteredSlave, Watched>();
    const change = new StateChange();
    for (const [n, slave] of connected.entries()) {
      const presence = outlook.slaves[n] ?? unseen;
      watched.set(slave, { presence, heardAt: slave.heardAt });
      if ((presence.trust === 'suspect') !== slave.isSuspect) {
        this.#judge(slave, presence.trust === 'suspect', change);
      }
    }
    for (const [slave, { presence }] of this.#watched) {
      if (presence.trust === 'suspect' && !watched.has(slave)) {
        this.#spread(slave);
      }
    }
    this.#watched = watched;
    if (change.writes.length > 0) {
      // A store that cannot be written is reported to callers that wait for it; nobody waits for this.
      this.#master.commit(change).catch(() => undefined);
      this.#master.workAppeared();
    }
  }

  #judge(slave: RegisteredSlave, isSuspect: boolean, change: StateChange): void {
    const { leases, metrics, now } = this.#master;
    const facts = { slave_id: slave.id, slave: slave.name, num_leases: leases.ofSlave(slave).size };
    if (isSuspect) {
      slave.suspect();
      metrics.suspicionBegan();
    } else {
      slave.trust();
      metrics.suspicionProvedWrong();
    }
    this.#spread(slave);
    change.writes.push(appendEvent(isSuspect ? 'SLAVE_SUSPECT' : 'SLAVE_TRUSTED', facts, now));
  }

  #spread({ id, isSuspect }: RegisteredSlave): void {
    for (const { work } of this.#master.builds.values()) {
      if (isSuspect) {
        work.suspect(id);
      } else {
        work.trust(id);
      }
    }
  }
}
