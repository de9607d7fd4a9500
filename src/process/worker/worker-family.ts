import type { Clock } from '../../lib/clock.js';
import { descendantsOf } from '../containment/descendants.js';
import { endFamily, membersOf, type Survivor } from '../containment/family.js';
import { type ProcessEntry, processEntry, processTable } from '../containment/process-table.js';
import type { Leader } from '../spawn.js';

/** Longer than any chain of parents; the table may change while it is read. */
const MAX_ANCESTORS = 1000;

/**
 * The processes below a worker's warden (without one, in its session), divided into those of the worker and those of the atom
 * that it runs:
 *
 * - With a process for each atom, the worker's are those that live before its first atom, and their descendants. The
 *   descendants of the atom's process belong to the atom. So do processes whose parent has ended, which the warden adopts.
 * - Without, the worker's are those that live when it is asked to run the atom, and all later ones are the atom's.
 */
export class WorkerFamily {
  readonly #leader: Leader;
  readonly #pid: number;
  readonly #clock: Clock;
  #own: ReadonlySet<string> = new Set();
  /** Processes that could not be ended before, and are not tried again. */
  readonly #survivors = new Set<string>();

  /** `pid` is that of the worker. */
  constructor(leader: Leader, pid: number, clock: Clock) {
    this.#leader = leader;
    this.#pid = pid;
    this.#clock = clock;
  }

  /** All that live now are the worker's. */
  noteOwn(): void {
    this.#own = new Set(this.#members().map(keyOf));
  }

  /**
   * Whether the worker has started this process, or it has ended already. When the worker has ended since it named the
   * process, that has another parent, but is still one of the family.
   */
  hasStarted(pid: number): boolean {
    const entry = processEntry(pid);
    if (entry === null || this.#ancestorsOf(entry).some((one) => one.pid === this.#pid)) {
      return true;
    }
    return processEntry(this.#pid) === null && this.#members().some((one) => one.pid === pid);
  }

  /** Whether processes of an atom are left. `atom` is its process, which has ended; null without one. */
  hasOthers(atom: number | null): boolean {
    // A process whose parent ends while the lists are read is found in a second reading.
    return [1, 2].some(() => this.#members().some((entry) => !this.#isSpared(entry, atom)));
  }

  /** Ends all processes of the atom. Resolves with those that could not be ended. */
  async endOthers(atom: number | null, graceMs: number): Promise<readonly Survivor[]> {
    const { root, scope } = this.#leader;
    const survivors = await endFamily(root, scope, {
      graceMs,
      clock: this.#clock,
      groups: atom === null ? [] : [atom],
      spared: (entry) => this.#isSpared(entry, atom),
    });
    for (const one of survivors) {
      this.#survivors.add(keyOf(one));
    }
    return survivors;
  }

  #members(): ProcessEntry[] {
    const { root, scope } = this.#leader;
    const below = scope === 'subreaper' ? descendantsOf(root) : null;
    return below ?? membersOf(processTable(), root);
  }

  #isSpared(entry: ProcessEntry, atom: number | null): boolean {
    if (entry.pid === this.#leader.root || this.#survivors.has(keyOf(entry)) || this.#isOwn(entry)) {
      return true;
    }
    if (atom === null || entry.pid === atom) {
      return false;
    }
    const ancestors = this.#ancestorsOf(entry);
    const nearest = ancestors.find((one) => one.pid === atom || this.#isOwn(one));
    return nearest !== undefined && nearest.pid !== atom;
  }

  #isOwn(entry: ProcessEntry): boolean {
    return entry.pid === this.#pid || this.#own.has(keyOf(entry));
  }

  /** Up to the root of the family, nearest first. */
  #ancestorsOf(entry: ProcessEntry): ProcessEntry[] {
    const found: ProcessEntry[] = [];
    for (let one: ProcessEntry | null = entry; one !== null && found.length < MAX_ANCESTORS; ) {
      one = one.pid === this.#leader.root ? null : processEntry(one.parent);
      if (one !== null) {
        found.push(one);
      }
    }
    return found;
  }
}

function keyOf({ pid, began }: { readonly pid: number; readonly began: string }): string {
  return `${pid} ${began}`;
}
