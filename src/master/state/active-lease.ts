import { timingSafeEqual } from 'node:crypto';
import type { SetupNeeded } from '../../domain/scheduling/setup-cost.js';
import { type AtomId, type LeaseId, type SubjobId, toId } from '../../protocol/ids.js';
import type { LeaseRef, Progress } from '../../protocol/slave/slave-messages.js';
import type { LeasedAtom } from '../store/atoms.js';
import type { ActiveBuild } from './active-build.js';
import type { RegisteredSlave } from './registered-slave.js';

export interface LeaseFacts {
  readonly id: LeaseId;
  readonly attempt: number;
  readonly build: ActiveBuild;
  readonly slave: RegisteredSlave;
  /** Reports must name it: nobody but the slave knows it. Empty for slaves of an older program. */
  readonly token: string;
  /** Milliseconds since the epoch … */
  readonly takenAt: number;
  /** … and of the monotonic clock. */
  readonly tookAt: number;
  /** Whether work has begun. Unknown for a lease that was read from the store, which counts as begun. */
  readonly hasBegun: boolean;
}

interface SubjobFacts {
  readonly subjob: SubjobId;
  readonly executorIndex: number;
  /** The work that the slave has to do before its first atom. */
  readonly setupNeeded: SetupNeeded;
  /** It was taken because another slave takes too long with the same subjob. */
  readonly isDuplicate: boolean;
}

abstract class HeldLease {
  readonly id: LeaseId;
  readonly attempt: number;
  readonly build: ActiveBuild;
  readonly slave: RegisteredSlave;
  readonly token: string;
  readonly takenAt: number;
  readonly tookAt: number;
  #hasBegun: boolean;

  constructor(facts: LeaseFacts) {
    this.id = facts.id;
    this.attempt = facts.attempt;
    this.build = facts.build;
    this.slave = facts.slave;
    this.token = facts.token;
    this.takenAt = facts.takenAt;
    this.tookAt = facts.tookAt;
    this.#hasBegun = facts.hasBegun;
  }

  get ref(): LeaseRef {
    return { lease_id: this.id, attempt: toId.attempt(this.attempt), token: this.token };
  }

  /** Whether an atom is known to run, or to have run. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** @returns false when it had begun before */
  begin(): boolean {
    const isFirst = !this.#hasBegun;
    this.#hasBegun = true;
    return isFirst;
  }

  /**
   * The moment `elapsed` seconds after the lease had arrived at its slave, in milliseconds since the epoch; null for an
   * unknown time. `now` is the latest that it can be, also when the clock was set back meanwhile.
   */
  moment(elapsed: number | undefined, now: number): number | null {
    return elapsed === undefined ? null : Math.min(now, this.takenAt + Math.round(elapsed * 1000));
  }

  /** Lease ids rise by one, so they can be guessed; only the slave that was given the lease knows the token. */
  hasToken(token = ''): boolean {
    const [mine, theirs] = [Buffer.from(this.token), Buffer.from(token)];
    return mine.length > 0 && mine.length === theirs.length && timingSafeEqual(mine, theirs);
  }
}

export class PreparationLease extends HeldLease {
  readonly kind = 'preparation';
}

export class SubjobLease extends HeldLease implements SubjobFacts {
  readonly kind = 'subjob';
  readonly subjob: SubjobId;
  readonly executorIndex: number;
  readonly setupNeeded: SetupNeeded;
  readonly isDuplicate: boolean;
  #running: { readonly atom: AtomId; readonly since: number } | null;
  #slaveExecutor: number | null = null;
  #atoms: readonly LeasedAtom[] | null = null;
  /** How much of each console has been reported under this lease, in bytes. */
  readonly #consoleEnds = new Map<AtomId, number>();

  constructor(facts: LeaseFacts, subjob: SubjobFacts, running: SubjobLease['running'] = null) {
    super(facts);
    this.subjob = subjob.subjob;
    this.executorIndex = subjob.executorIndex;
    this.setupNeeded = subjob.setupNeeded;
    this.isDuplicate = subjob.isDuplicate;
    this.#running = running;
  }

  /** The atom that runs, as the slave reported last, and since when, in milliseconds since the epoch. */
  get running(): { readonly atom: AtomId; readonly since: number } | null {
    return this.#running;
  }

  /** EXECUTOR_INDEX on its slave; null until it is reported. */
  get slaveExecutor(): number | null {
    return this.#slaveExecutor;
  }

  setSlaveExecutor(index: number): void {
    this.#slaveExecutor = index;
  }

  /** The atoms of the subjob, in order; null until they are first read, which is after the lease is committed. */
  get atoms(): readonly LeasedAtom[] | null {
    return this.#atoms;
  }

  /** They do not change while the lease is held. */
  setAtoms(atoms: readonly LeasedAtom[]): readonly LeasedAtom[] {
    this.#atoms = atoms;
    return atoms;
  }

  /** Takes what the slave reports of atoms. `now` in milliseconds since the epoch. */
  recordProgress(atoms: Progress['atoms'], now: number): void {
    for (const { id, state, began } of atoms) {
      if (state === 'IN_PROGRESS') {
        this.#running = { atom: id, since: this.moment(began, now) ?? now };
      } else if (this.#running?.atom === id) {
        this.#running = null;
      }
    }
  }

  /**
   * Takes a piece of a console that begins at `offset`. `known` bytes of it were reported before.
   * @returns null when it is to be dropped: it was reported before, or the console's beginning was not
   */
  recordConsole(
    atom: AtomId,
    offset: number,
    bytes: number,
  ): { readonly known: number; readonly isFirst: boolean } | null {
    const end = this.#consoleEnds.get(atom);
    if (this.isDuplicate && end === undefined && offset > 0) {
      // It printed more while the other holder's console was shown. The result has all of it.
      return null;
    }
    const known = Math.max(0, (end ?? 0) - offset);
    if (known >= bytes && end !== undefined) {
      return null;
    }
    this.#consoleEnds.set(atom, offset + bytes);
    return { known, isFirst: end === undefined };
  }
}

/** A lease that is held. */
export type ActiveLease = PreparationLease | SubjobLease;
