import { BuildWork, unlimitedExecutors } from '../../src/domain/build-work.js';
import { newTask } from '../../src/domain/lease.js';
import {
  type DurationEstimate,
  estimateFromHistory,
  noEstimate,
} from '../../src/domain/scheduling/duration-estimate.js';
import { groupAtoms } from '../../src/domain/scheduling/grouping.js';
import { regroup } from '../../src/domain/scheduling/grouping-plan.js';
import { assignWork } from '../../src/domain/scheduling/scheduler.js';
import { type LeaseId, type SlaveId, type SubjobId, toId } from '../../src/protocol/ids.js';
import { lowerBound } from './bound.js';
import { Events } from './events.js';
import type { AtomInFleet, BuildInFleet, Workload } from './workload.js';

export interface Settings {
  /** Whether the builds have a history. */
  readonly history: boolean;
  /** Whether waiting atoms are regrouped. */
  readonly regroups: boolean;
  readonly speculative: boolean;
  /** Seconds for which each hand-out occupies an executor. */
  readonly handOut: number;
}

export const asMaster: Settings = { history: true, regroups: true, speculative: false, handOut: 0 };

export interface Outcome {
  readonly builds: number;
  readonly atoms: number;
  readonly executors: number;
  readonly handOuts: number;
  /** Subjobs that failed because three slaves vanished with them. */
  readonly lost: number;
  /** Seconds; see lowerBound. */
  readonly bound: number;
  /** Seconds. */
  readonly makespan: number;
}

interface Run {
  readonly slave: SlaveId;
  readonly work: BuildWork;
  readonly subjob: SubjobId;
  readonly lease: LeaseId;
}

type Happening =
  | { readonly kind: 'joins' | 'vanishes'; readonly slave: SlaveId }
  | { readonly kind: 'arrives'; readonly build: BuildInFleet }
  | { readonly kind: 'ends'; readonly run: Run }
  /** Idle slaves are offered work again. */
  | { readonly kind: 'looks' };

/** As often as the master checks for stragglers. */
const LOOK_EVERY_SECONDS = 1;
/** A simulation that has not ended by then is taken to hang. */
const MOST_EVENTS = 5_000_000;

/** Runs the whole workload. @throws Error when work is left undone, or done twice */
export function simulate(workload: Workload, settings: Settings = asMaster): Outcome {
  return new Simulation(workload, settings).run();
}

export function overBound({ makespan, bound }: Outcome): number {
  return bound === 0 ? 1 : makespan / bound;
}

class Simulation {
  readonly #workload: Workload;
  readonly #settings: Settings;
  readonly #events = new Events<Happening>();
  readonly #works: BuildWork[] = [];
  readonly #atomsOf = new Map<BuildWork, readonly AtomInFleet[]>();
  readonly #membersOf = new Map<BuildWork, (readonly number[])[]>();
  readonly #connected = new Map<SlaveId, { readonly executors: number; free: number }>();
  readonly #running = new Map<LeaseId, Run>();
  #leases = 0;
  #now = 0;
  #makespan = 0;
  #looks = false;
  #lost = 0;
  readonly #begun = new Set<AtomInFleet>();

  constructor(workload: Workload, settings: Settings) {
    this.#workload = workload;
    this.#settings = settings;
  }

  run(): Outcome {
    const { slaves, builds } = this.#workload;
    slaves.forEach(({ joins, vanishes }, n) => {
      const slave = toId.slave(n + 1);
      this.#events.add(joins, { kind: 'joins', slave });
      if (vanishes !== null) {
        this.#events.add(vanishes, { kind: 'vanishes', slave });
      }
    });
    for (const build of builds) {
      this.#events.add(build.arrives, { kind: 'arrives', build });
    }
    for (let seen = 0; seen < MOST_EVENTS; seen += 1) {
      const next = this.#events.next();
      if (next === undefined) {
        return this.#outcome();
      }
      this.#now = next.at;
      this.#happens(next.what);
      this.#handOut();
    }
    throw new Error('The simulated fleet never comes to an end.');
  }

  #happens(what: Happening): void {
    switch (what.kind) {
      case 'joins': {
        const executors = this.#workload.slaves[what.slave - 1]?.executors ?? 0;
        this.#connected.set(what.slave, { executors, free: executors });
        this.#regroupAll();
        break;
      }
      case 'vanishes':
        this.#vanish(what.slave);
        break;
      case 'arrives':
        this.#arrive(what.build);
        break;
      case 'ends':
        this.#end(what.run);
        break;
      case 'looks':
        this.#looks = false;
    }
  }

  #arrive({ atoms }: BuildInFleet): void {
    const { history, speculative } = this.#settings;
    const timestamps = { BUILDING: this.#now };
    const work = new BuildWork(toId.build(this.#works.length + 1), { state: 'BUILDING', timestamps });
    const executors = this.#executors();
    const estimates = atoms.map((one) => (history ? estimateFromHistory(one.history) : noEstimate));
    const groups = groupAtoms(indexed(estimates), executors);
    const subjobs = groups.map((group) => ({
      ...group,
      atoms: group.atoms.length,
      task: newTask('subjob'),
    }));
    work.setSubjobs(subjobs, { ...unlimitedExecutors, speculative }, { executors, assumed: null });
    this.#works.push(work);
    this.#atomsOf.set(work, atoms);
    this.#membersOf.set(
      work,
      groups.map((group) => group.atoms),
    );
  }

  #vanish(slave: SlaveId): void {
    this.#connected.delete(slave);
    for (const { work, subjob, lease } of [...this.#running.values()].filter((run) => run.slave === slave)) {
      this.#running.delete(lease);
      const { state } = work.endLease({ kind: 'subjob', subjob }, lease, {
        kind: 'lost',
        slaveName: String(slave),
      });
      this.#lost += state === 'done' ? 1 : 0;
    }
    this.#regroupAll();
  }

  #end({ work, subjob, lease }: Run): void {
    if (!this.#running.has(lease)) {
      return; // Its slave has vanished, or another one was first.
    }
    for (const other of this.#running.values()) {
      if (other.work === work && other.subjob === subjob) {
        this.#running.delete(other.lease);
        this.#free(other.slave);
      }
    }
    const actual = this.#members(work, subjob).reduce((sum, one) => sum + one.actual, 0);
    work.endLease({ kind: 'subjob', subjob }, lease, { kind: 'completed' }, actual);
    this.#makespan = Math.max(this.#makespan, this.#now);
    this.#regroup(work);
  }

  #free(slave: SlaveId): void {
    const entry = this.#connected.get(slave);
    if (entry !== undefined) {
      entry.free += 1;
    }
  }

  #handOut(): void {
    const nextLease = () => {
      this.#leases += 1;
      return toId.lease(this.#leases);
    };
    const builds = this.#works.filter(({ isComplete }) => !isComplete);
    for (const [slave, entry] of this.#connected) {
      if (entry.free === 0) {
        continue;
      }
      for (const choice of assignWork(
        { builds, nextLease, steady: this.#now },
        slave,
        entry.free,
        this.#now,
      )) {
        if (choice.kind === 'subjob') {
          entry.free -= 1;
          this.#start({ slave, work: choice.build, subjob: choice.subjob, lease: choice.lease });
        }
      }
    }
    const isIdle = [...this.#connected.values()].some(({ free }) => free > 0);
    if (this.#settings.speculative && isIdle && this.#running.size > 0 && !this.#looks) {
      this.#looks = true;
      this.#events.add(this.#now + LOOK_EVERY_SECONDS, { kind: 'looks' });
    }
  }

  #start(run: Run): void {
    const { work, subjob, lease } = run;
    const began = this.#now + this.#settings.handOut;
    work.noteBegan(subjob, lease, began);
    let seconds = 0;
    for (const one of this.#members(work, subjob)) {
      seconds += this.#begun.has(one) ? one.actual : (one.stuck ?? one.actual);
      this.#begun.add(one);
    }
    this.#running.set(lease, run);
    this.#events.add(began + seconds, { kind: 'ends', run });
  }

  #regroupAll(): void {
    for (const work of this.#works) {
      this.#regroup(work);
    }
  }

  #regroup(work: BuildWork): void {
    const executors = this.#executors();
    if (!this.#settings.regroups || !work.needsRegrouping(executors)) {
      return;
    }
    const { history } = this.#settings;
    const atoms = this.#atomsOf.get(work) ?? [];
    const members = this.#membersOf.get(work) ?? [];
    const { waiting } = work;
    const waitingAtoms = waiting.flatMap((id) => members[id] ?? []);
    const known = waitingAtoms.map((index) => ({
      index,
      ...(history ? estimateFromHistory(atoms[index]?.history ?? null) : noEstimate),
    }));
    const plan = work.planFor(executors);
    const regrouped = regroup(known, waiting, work.total ?? 0, plan);
    members.length -= regrouped.dropped.length;
    for (const group of regrouped.groups) {
      members[group.id] = group.atoms;
    }
    work.replaceWaiting(regrouped, plan);
  }

  #members(work: BuildWork, subjob: SubjobId): AtomInFleet[] {
    const atoms = this.#atomsOf.get(work) ?? [];
    return (this.#membersOf.get(work)?.[subjob] ?? []).flatMap((index) => atoms[index] ?? []);
  }

  #executors(): number {
    return [...this.#connected.values()].reduce((sum, { executors }) => sum + executors, 0);
  }

  #outcome(): Outcome {
    for (const work of this.#works) {
      const members = (this.#membersOf.get(work) ?? []).flat();
      const atoms = this.#atomsOf.get(work)?.length ?? 0;
      if (!work.isComplete || members.length !== atoms || new Set(members).size !== atoms) {
        throw new Error(`Build ${work.id} was left undone, or an atom of it was lost.`);
      }
    }
    return {
      builds: this.#works.length,
      atoms: this.#workload.builds.reduce((sum, { atoms }) => sum + atoms.length, 0),
      executors: this.#workload.slaves.reduce((sum, { executors }) => sum + executors, 0),
      handOuts: this.#leases,
      lost: this.#lost,
      bound: lowerBound(this.#workload),
      makespan: this.#makespan,
    };
  }
}

function indexed(estimates: readonly DurationEstimate[]) {
  return estimates.map((estimate, index) => ({ index, ...estimate }));
}
