import type { BuildWork } from '../../domain/build-work.js';
import { hasWork } from '../../domain/scheduling/scheduler.js';
import { changesOf, givenAtoms } from '../../job/build-request.js';
import type { NamedJob } from '../../protocol/build/job.js';
import { cachedInputs, withoutCachedAtoms } from '../../protocol/build/job-inputs.js';
import type { BuildId, SlaveId } from '../../protocol/ids.js';
import { reportGroup } from '../../protocol/slave/optional-reports.js';
import type {
  Assignment,
  LeaseRef,
  RunAssignment,
  WorkRequest,
} from '../../protocol/slave/slave-messages.js';
import { atomsOf, returnLease, type TakenWork, takeWork } from '../leases/lease-lifecycle.js';
import type { ActiveLease } from '../state/active-lease.js';
import { type MasterState, StateChange } from '../state/master-state.js';
import type { RegisteredSlave } from '../state/registered-slave.js';
import { resultLimits } from '../state/result-bounds.js';
import { recordPolledProgress } from './progress-reports.js';
import type { WorkSource } from './slave-polls.js';

/** The work that slaves poll for, out of the builds in memory. */
export class BuildsAsWorkSource implements WorkSource {
  readonly #master: MasterState;

  constructor(master: MasterState) {
    this.#master = master;
  }

  contact(slave: SlaveId, request: WorkRequest): RegisteredSlave {
    this.#master.writer.requireWritable();
    return this.#master.slaves.recordContact(slave, this.#master.now, request.instance);
  }

  record(slave: RegisteredSlave, request: WorkRequest, kept: readonly BuildId[]): void {
    const { paused = null, free_disk_bytes = null, num_unremovable = 0, progress = [] } = request;
    slave.recordCondition({ paused, freeDiskBytes: free_disk_bytes, numUnremovable: num_unremovable });
    for (const build of kept) {
      this.#master.builds.get(build)?.work.setup.keep(slave.id);
    }
    recordPolledProgress(this.#master, slave, progress);
  }

  take(slave: RegisteredSlave, wanted: WorkRequest, allowExcluded: boolean): TakenWork | null {
    return takeWork(this.#master, slave, wanted, allowExcluded);
  }

  hasWork(): boolean {
    return hasWork(this.#works());
  }

  hasRetries(): boolean {
    return [...this.#works()].some(({ hasRetries }) => hasRetries);
  }

  *#works(): Iterable<BuildWork> {
    for (const { work } of this.#master.builds.values()) {
      yield work;
    }
  }

  async assignmentOf(lease: ActiveLease): Promise<Assignment> {
    const { build } = lease;
    const shared = {
      lease: lease.ref,
      build_id: build.id,
      project: build.project,
      remote_files: [...build.remoteFiles],
      takes: [...reportGroup],
    };
    if (lease.kind === 'preparation') {
      const { job_name, config, atoms_override } = build.request;
      const changes = changesOf(build.request);
      const inputs = config === undefined || cachedInputs(config) === null ? undefined : config.inputs;
      return {
        kind: 'prepare',
        ...shared,
        job_name: job_name ?? null,
        config: config === undefined ? null : withoutCachedAtoms(config),
        ...(inputs === undefined ? {} : { inputs }),
        atoms_override: atoms_override === undefined ? null : givenAtoms(atoms_override),
        ...(changes === null ? {} : { changes }),
      };
    }
    const atoms = await atomsOf(this.#master, lease);
    if (build.job === null) {
      throw new Error(`Build ${build.id} hands out a subjob before it is prepared.`);
    }
    return {
      kind: 'run',
      ...shared,
      subjob_id: lease.subjob,
      ...jobOf(build.job),
      build_executor_index: lease.executorIndex,
      expected_seconds: build.work.subjob(lease.subjob)?.expected ?? null,
      limits: resultLimits(this.#master.resultBounds, build.resultBytes),
      atoms: atoms.map(({ id, variable, value }) => ({ id, variable, value })),
    };
  }

  silenceOf(slave: RegisteredSlave): number {
    return this.#master.slaves.silenceOf(slave);
  }

  leasesOf(slave: RegisteredSlave): Iterable<ActiveLease> {
    return this.#master.leases.ofSlave(slave);
  }

  isHeld(lease: ActiveLease): boolean {
    return this.#master.leases.has(lease);
  }

  returnLeases(leases: readonly ActiveLease[]): void {
    const change = new StateChange();
    for (const lease of leases) {
      // The return of another one may have ended the build, and this lease with it.
      if (this.#master.leases.has(lease)) {
        returnLease(this.#master, lease, change);
      }
    }
    if (change.writes.length > 0) {
      this.#master.commit(change);
    }
  }

  /** A lease of another slave counts as held: a slave that was restarted delivers what it held under its old id. */
  statusOf({ lease_id, attempt }: LeaseRef): 'held' | 'interrupted' | 'over' {
    const lease = this.#master.leases.find(lease_id);
    if (lease?.attempt !== attempt) {
      return 'over';
    }
    return lease.build.stopping === null ? 'held' : 'interrupted';
  }

  isUnneeded(id: BuildId, slave: RegisteredSlave): boolean {
    const build = this.#master.runningBuild(id);
    if (build === undefined) {
      return true;
    }
    const { work } = build;
    return (
      work.state === 'BUILDING' &&
      work.queued === 0 &&
      work.runningOn(slave.id) === 0 &&
      // A straggler of another slave may start here.
      work.limits.speculative !== true
    );
  }

  release(build: BuildId, slave: RegisteredSlave): void {
    this.#master.builds.get(build)?.work.setup.close(slave.id);
  }
}

/** The job as slaves of all versions take it, and what is to be reported besides if it caches its atoms. */
function jobOf({ name, definition }: NamedJob): Pick<RunAssignment, 'job' | 'surroundings'> {
  const inputs = cachedInputs(definition);
  const job = { name, definition: withoutCachedAtoms(definition) };
  if (inputs === null) {
    return { job };
  }
  const { environment, versions } = inputs;
  return { job, surroundings: { environment: [...environment], versions: [...versions] } };
}
