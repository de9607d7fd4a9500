import type { ActiveBuild } from '../../state/active-build.js';
import type { SubjobLease } from '../../state/active-lease.js';
import type { MasterState } from '../../state/master-state.js';
import type { TimelineOrigin } from '../../store/timeline-rows.js';

/** An atom that runs; its start is in milliseconds after the beginning of the build. */
export interface RunningBar {
  readonly atom: number;
  readonly lease: number;
  readonly start: number;
}

/** The leases of a build that are held at the moment, by their differences to its first one. */
export class HeldWork {
  /** The slave and the executor of each lease; the executor is null until it is reported. */
  readonly places = new Map<number, { readonly slave: number; readonly executor: number | null }>();
  /** By atom. */
  readonly running = new Map<number, RunningBar>();
  /** Executors that set up the build now, or wait for that. Which one of a slave it is, is an assumption. */
  readonly setups: readonly { readonly slave: number; readonly executor: number; readonly start: number }[];

  constructor({ leases }: MasterState, build: ActiveBuild | null, { begins, firstLease }: TimelineOrigin) {
    const held = build === null ? [] : [...leases.ofBuild(build)];
    const starting: SubjobLease[] = [];
    for (const lease of held) {
      if (lease.kind !== 'subjob') {
        continue;
      }
      const id = lease.id - firstLease;
      this.places.set(id, { slave: lease.slave.id, executor: lease.slaveExecutor });
      if (lease.running !== null) {
        const { atom, since } = lease.running;
        this.running.set(atom, { atom, lease: id, start: since - begins });
      } else if (!lease.hasBegun && leases.withExecutor(lease.slave).includes(lease)) {
        starting.push(lease);
      }
    }
    this.setups = this.#place(starting, begins);
  }

  #place(starting: readonly SubjobLease[], begins: number) {
    const taken = new Map<number, Set<number>>();
    for (const { slave, executor } of this.places.values()) {
      if (executor !== null) {
        taken.set(slave, (taken.get(slave) ?? new Set()).add(executor));
      }
    }
    return starting.map(({ slave: { id: slave }, takenAt }) => {
      const used = taken.get(slave) ?? new Set<number>();
      taken.set(slave, used);
      let executor = 0;
      while (used.has(executor)) {
        executor += 1;
      }
      used.add(executor);
      return { slave, executor, start: takenAt - begins };
    });
  }
}
