import { isEnded } from '../../domain/build-state.js';
import type { BuildWork, ExecutorLimits } from '../../domain/build-work.js';
import type { AtomToGroup } from '../../domain/scheduling/grouping.js';
import { regroup } from '../../domain/scheduling/grouping-plan.js';
import type { SubjobId } from '../../protocol/ids.js';
import { failureRisks } from '../history/failure-risks.js';
import type { ActiveBuild } from '../state/active-build.js';
import type { MasterState } from '../state/master-state.js';
import { updateBuild } from '../store/builds.js';
import { atomsThatWait, storeRegrouped, type WaitingAtom } from '../store/regrouping.js';

/**
 * A build with more waiting atoms is not regrouped yet: its groups are small compared with what is left of it. It is
 * considered again when fewer wait.
 */
const MOST_ATOMS = 50_000;

type RiskyWaitingAtom = WaitingAtom & Required<Pick<AtomToGroup, 'risk'>>;

/** How many of the connected executors may work at once on a build with these limits. */
export function executorsFor(
  { slaves }: Pick<MasterState, 'slaves'>,
  { maxExecutors, maxExecutorsPerSlave }: ExecutorLimits,
): number {
  let executors = 0;
  for (const { numExecutors, isDraining } of slaves.connected()) {
    executors += isDraining ? 0 : Math.min(numExecutors, maxExecutorsPerSlave);
  }
  return Math.min(executors, maxExecutors);
}

/**
 * Makes other groups of what waits when executors come or go, or when it becomes known how long atoms without history
 * take. Only subjobs that were never leased are changed.
 */
export class WaitingRegrouper {
  readonly #master: MasterState;
  /** Builds whose atoms are being read. */
  readonly #reading = new Set<ActiveBuild>();

  constructor(master: MasterState) {
    this.#master = master;
  }

  /** Considers all builds. Never rejects: without regrouping builds only take longer. */
  async considerAll(): Promise<void> {
    const builds = [...this.#master.builds.values()].filter(({ work }) => work.waitingAtoms > 1);
    await Promise.all(builds.map((build) => this.consider(build)));
  }

  /** Considers a build of which a subjob has ended, without counting executors, which that does not change. Never rejects. */
  async considerLearned(build: ActiveBuild): Promise<void> {
    if (build.work.needsRegrouping()) {
      await this.consider(build);
    }
  }

  /** Never rejects. */
  async consider(build: ActiveBuild): Promise<void> {
    if (this.#reading.has(build) || !this.#isDue(build)) {
      return;
    }
    this.#reading.add(build);
    try {
      // A build that has begun just now is in memory before it is in the store.
      await this.#master.writer.flush();
      const { waiting } = build.work;
      const { db } = this.#master.store;
      const atoms = await atomsThatWait(db, build.id, waiting);
      const { project, job, request } = build;
      const isAffected = (place: number) => build.affectedAtoms.has(atoms[place]?.id ?? -1);
      const risks =
        job === null ? null : await failureRisks(db, { project, job, request }, atoms, isAffected);
      // Meanwhile some may have been handed out, or the build may have ended.
      if (this.#isDue(build)) {
        await this.#regroup(
          build,
          atoms.map((atom, place) => ({ ...atom, risk: risks?.[place] ?? 0 })),
        );
      }
    } catch (error) {
      this.#master.log.error(
        { err: error, build: build.id },
        'The waiting atoms of a build could not be regrouped.',
      );
    } finally {
      this.#reading.delete(build);
    }
  }

  #isDue({ work, ending }: ActiveBuild): boolean {
    return (
      ending === null &&
      !isEnded(work.state) &&
      work.waitingAtoms <= MOST_ATOMS &&
      work.needsRegrouping(executorsFor(this.#master, work.limits))
    );
  }

  /** Must decide and change memory synchronously, so that nothing is handed out in between. Resolves after the commit. */
  async #regroup({ id, work, job }: ActiveBuild, read: readonly RiskyWaitingAtom[]): Promise<void> {
    const master = this.#master;
    master.writer.requireWritable();
    const { waiting } = work;
    const atoms = stillWaiting(read, waiting);
    if (atoms.length !== work.waitingAtoms) {
      throw new Error(`${atoms.length} atoms were read of ${work.waitingAtoms} that wait in build ${id}.`);
    }
    const plan = work.planFor(executorsFor(master, work.limits));
    const regrouped = regroup(atoms, waiting, totalOf(work), plan, job?.definition.batch?.size ?? null);
    work.replaceWaiting(regrouped, plan);
    const row = {
      num_subjobs: totalOf(work),
      planned_executors: plan.executors,
      assumed_seconds: plan.assumed,
    };
    master.watchers.changed(id);
    // Leases of the new groups are recorded after this, so no slave gets a subjob that the store does not have.
    await master.writer.record([...storeRegrouped(id, regrouped, new Set(waiting)), updateBuild(id, row)]);
  }
}

function stillWaiting(read: readonly RiskyWaitingAtom[], waiting: readonly SubjobId[]): AtomToGroup[] {
  const subjobs = new Set<number>(waiting);
  return read
    .filter(({ subjob }) => subjobs.has(subjob))
    .map(({ id, expected, stdDev, risk }) => ({ index: id, expected, stdDev, risk }));
}

function totalOf(work: BuildWork): number {
  return work.total ?? 0;
}
