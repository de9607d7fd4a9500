import { systemClock } from '../../src/lib/clock.js';
import type { Logger } from '../../src/lib/logger.js';
import { ClusterRunnerError } from '../../src/protocol/errors.js';
import type { BuildId } from '../../src/protocol/ids.js';
import type {
  Assignment,
  LeaseRef,
  PrepareAssignment,
  RunAssignment,
} from '../../src/protocol/slave/slave-messages.js';
import { MasterLink } from '../../src/slave/link/master-link.js';
import { Session } from '../../src/slave/link/session.js';
import { ranIn } from '../../test/support/ran-in.js';
import { LeanClient } from './lean-client.js';
import { sampleArchive } from './sample-archives.js';

export interface FleetPlan {
  readonly masterUrl: string;
  readonly secret: string;
  readonly numExecutors: number;
  /** How long an atom takes on average, give or take a random half; 0: no time at all. */
  readonly atomSeconds: number;
  /** The atoms of every build. */
  readonly numAtoms: number;
}

/** Called when an executor got work: milliseconds after it had become free; null for its first work. */
export type NoteHandOut = (milliseconds: number | null) => void;

const PROGRESS_MS = 1000;
/** As the slave's outbox does. */
const DELIVERIES_AT_ONCE = 4;

/**
 * A slave that runs nothing: it speaks the protocol with the slave's own session and poll requests, waits for the time of
 * each atom, and delivers a small archive.
 */
export class SimulatedSlave {
  readonly #plan: FleetPlan;
  readonly #noteHandOut: NoteHandOut;
  readonly #client: LeanClient;
  readonly #session: Session;
  readonly #link: MasterLink;
  readonly #stop = new AbortController();
  readonly #leases = new Map<number, LeaseRef>();
  readonly #builds = new Set<BuildId>();
  /** When executors that had work became free. */
  readonly #freedAt: number[] = [];
  #free: number;
  #undelivered = 0;
  #deliveries = 0;
  readonly #delivering: Promise<unknown>[] = [];

  constructor(name: string, plan: FleetPlan, noteHandOut: NoteHandOut, log: Logger) {
    this.#plan = plan;
    this.#noteHandOut = noteHandOut;
    this.#free = plan.numExecutors;
    const shared = { clock: systemClock, random: Math.random, log };
    const { masterUrl, secret, numExecutors } = plan;
    this.#client = new LeanClient(masterUrl, secret);
    const client = this.#client;
    this.#session = new Session({ masterUrl, secret, name, numExecutors, url: null, client, ...shared });
    this.#link = new MasterLink({
      session: this.#session,
      ...shared,
      target: {
        capacity: () => ({
          free_executors: this.#free,
          leases: [...this.#leases.values()],
          builds: [...this.#builds],
        }),
        start: (assignment) => this.#start(assignment),
        cancel: ({ lease_id }) => this.#leases.delete(lease_id),
        interrupt: () => undefined,
        release: (build) => this.#builds.delete(build),
        isIdle: () => this.#leases.size === 0,
        drained: () => undefined,
      },
    });
  }

  async begin(): Promise<void> {
    await this.#session.connect(this.#stop.signal);
    this.#link.update();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('The simulation is over.'));
    const stopped = this.#link.stop();
    await this.#client.close();
    await stopped;
  }

  #start(assignment: Assignment): void {
    const freedAt = this.#freedAt.shift();
    this.#noteHandOut(freedAt === undefined ? null : performance.now() - freedAt);
    this.#free -= 1;
    this.#leases.set(assignment.lease.lease_id, assignment.lease);
    this.#builds.add(assignment.build_id);
    this.#work(assignment).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) {
        throw error;
      }
    });
  }

  async #work(assignment: Assignment): Promise<void> {
    try {
      await (assignment.kind === 'prepare' ? this.#prepare(assignment) : this.#run(assignment));
    } catch (error) {
      if (!(error instanceof ClusterRunnerError && error.code === 'STALE_LEASE')) {
        throw error;
      }
    } finally {
      this.#leases.delete(assignment.lease.lease_id);
      this.#link.update();
    }
  }

  #freeExecutor(): void {
    this.#free += 1;
    this.#freedAt.push(performance.now());
    this.#link.update();
  }

  async #prepare({ lease, build_id, config }: PrepareAssignment): Promise<void> {
    if (config === null) {
      throw new Error('A simulated slave only prepares builds that bring their job.');
    }
    const prepared = {
      lease,
      job: { name: 'Bench', definition: config },
      commit: null,
      atoms: Array.from({ length: this.#plan.numAtoms }, (_, n) => ({
        variable: 'TEST',
        value: `test/unit/package_${n % 1000}/module_${n}_test.ts`,
      })),
    };
    await this.#session.retryUntilAcknowledged(
      (slave) => this.#client.reportPrepared(slave, build_id, prepared),
      this.#stop.signal,
    );
    this.#freeExecutor();
  }

  async #run({ lease, build_id, subjob_id, atoms }: RunAssignment): Promise<void> {
    const { signal } = this.#stop;
    const seconds = atoms.map(() => this.#plan.atomSeconds * (0.5 + Math.random()));
    const total = seconds.reduce((sum, one) => sum + one, 0);
    if (total * 1000 > PROGRESS_MS) {
      const { progress } = this.#link;
      const begun = atoms
        .slice(0, 1)
        .map(({ id }) => ({ id, state: 'IN_PROGRESS' as const, exit_code: null, actual_time: null }));
      // As the slave's ProgressReporter does for an atom that prints nothing.
      await systemClock.sleep(PROGRESS_MS, signal);
      progress.add({ build_id, subjob_id, lease, atoms: begun });
      const rest = total * 1000 - PROGRESS_MS;
      await systemClock.sleep(Math.min(rest, PROGRESS_MS), signal);
      if (rest > PROGRESS_MS) {
        progress.markDue(lease);
        await systemClock.sleep(rest - PROGRESS_MS, signal);
      }
      progress.end(lease);
    } else if (total > 0) {
      await systemClock.sleep(total * 1000, signal);
    }
    const ids = atoms.map(({ id }) => id);
    const { archive, index } = sampleArchive(subjob_id, ids);
    const verdicts = atoms.map(({ id }, at) => ({ id, exit_code: 0, actual_time: seconds[at] ?? 0 }));
    // A slave packs the result while it runs the next subjob, unless packing does not keep up.
    const keepsUp = this.#undelivered < this.#plan.numExecutors;
    if (keepsUp) {
      this.#freeExecutor();
    }
    this.#undelivered += 1;
    const turn = this.#delivering[this.#deliveries % DELIVERIES_AT_ONCE] ?? Promise.resolve();
    const delivered = turn.then(() =>
      this.#session.retryUntilAcknowledged(
        (slave) =>
          this.#client.deliver(
            slave,
            build_id,
            subjob_id,
            { lease, atoms: verdicts, ran_in: ranIn, index },
            archive,
          ),
        signal,
      ),
    );
    this.#delivering[this.#deliveries % DELIVERIES_AT_ONCE] = delivered.catch(() => undefined);
    this.#deliveries += 1;
    try {
      await delivered;
    } finally {
      this.#undelivered -= 1;
      if (!keepsUp) {
        this.#freeExecutor();
      }
    }
  }
}
