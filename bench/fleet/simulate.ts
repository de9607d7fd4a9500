import { BuildWork, noLimits } from '../../src/domain/build-work.js';
import { groupAtoms } from '../../src/domain/grouping.js';
import { newTask } from '../../src/domain/lease.js';
import { chooseWork } from '../../src/domain/scheduler.js';
import { type LeaseId, type SlaveId, type SubjobId, toId } from '../../src/protocol/ids.js';
import type { Workload } from './workload.js';

export interface Outcome {
  readonly builds: number;
  readonly atoms: number;
  readonly executors: number;
  readonly subjobs: number;
  /** Seconds: max(sum / executors, longest atom). No schedule ends earlier. */
  readonly bound: number;
  /** Seconds. */
  readonly makespan: number;
}

interface Running {
  readonly ends: number;
  readonly slave: SlaveId;
  readonly build: BuildWork;
  readonly subjob: SubjobId;
  readonly lease: LeaseId;
}

/** Lets the scheduler work through all of it. @throws Error when a subjob is given twice, or none is given although work is left */
export function simulate({ slaves, builds }: Workload): Outcome {
  const executors = slaves.reduce((sum, one) => sum + one, 0);
  const lengths = new Map<BuildWork, number[]>();
  builds.forEach(({ atoms }, n) => {
    const { work, seconds } = ready(n + 1, atoms, executors);
    lengths.set(work, seconds);
  });
  const works = [...lengths.keys()];
  let lease = 0;
  const nextLease = () => {
    lease += 1;
    return toId.lease(lease);
  };
  const cluster = { builds: works, nextLease };
  const running: Running[] = [];
  const given = new Set<string>();
  const ask = (slave: SlaveId, free: number, now: number) => {
    for (const choice of chooseWork(cluster, slave, free, now)) {
      if (choice.kind !== 'run' || given.has(`${choice.build.id}/${choice.subjob}`)) {
        throw new Error(`A subjob of build ${choice.build.id} was given twice.`);
      }
      const { build, subjob } = choice;
      given.add(`${build.id}/${subjob}`);
      insert(running, {
        ends: now + (lengths.get(build)?.[subjob] ?? 0),
        slave,
        build,
        subjob,
        lease: choice.task.lease,
      });
    }
  };
  slaves.forEach((free, n) => {
    ask(toId.slave(n + 1), free, 0);
  });
  let now = 0;
  for (let next = running.pop(); next !== undefined; next = running.pop()) {
    now = next.ends;
    next.build.endSubjob(next.subjob, next.lease, { kind: 'completed' });
    ask(next.slave, 1, now);
  }
  if (!works.every(({ isComplete }) => isComplete)) {
    throw new Error('The scheduler left work undone.');
  }
  const actual = builds.flatMap(({ atoms }) => atoms.map((atom) => atom.actual));
  const sum = actual.reduce((total, one) => total + one, 0);
  const longest = actual.reduce((most, one) => Math.max(most, one), 0);
  return {
    builds: builds.length,
    atoms: actual.length,
    executors,
    subjobs: given.size,
    bound: Math.max(sum / Math.max(1, executors), longest),
    makespan: now,
  };
}

export function overBound({ makespan, bound }: Outcome): number {
  return bound === 0 ? 1 : makespan / bound;
}

function ready(id: number, atoms: Workload['builds'][number]['atoms'], executors: number) {
  const work = new BuildWork(toId.build(id), { state: 'BUILDING', timestamps: { BUILDING: 0 } });
  const groups = groupAtoms(
    atoms.map(({ expected }, index) => ({ index, expected, deviation: 0 })),
    executors,
  );
  work.setSubjobs(
    groups.map((group) => ({
      atoms: group.atoms.length,
      expected: group.expected,
      deviation: group.deviation,
      task: newTask,
      executorIndex: null,
    })),
    noLimits,
  );
  const seconds = groups.map((group) =>
    group.atoms.reduce((sum, index) => sum + (atoms[index]?.actual ?? 0), 0),
  );
  return { work, seconds };
}

/** Kept with the next to end at the end. */
function insert(running: Running[], one: Running): void {
  let low = 0;
  let high = running.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((running[middle]?.ends ?? 0) > one.ends) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  running.splice(low, 0, one);
}
