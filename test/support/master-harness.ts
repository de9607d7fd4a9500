import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { pino } from 'pino';
import { createMaster, type Master } from '../../src/master/master.js';
import type { ReceivedResult } from '../../src/master/state/master-api.js';
import type { BuildRequest } from '../../src/protocol/build/build.js';
import type { JobDefinition } from '../../src/protocol/build/job.js';
import { ClusterRunnerError, type ErrorCode } from '../../src/protocol/errors.js';
import type { BuildId, SlaveId } from '../../src/protocol/ids.js';
import type { ResultFacts } from '../../src/protocol/results/result-facts.js';
import type { ResultIndex } from '../../src/protocol/results/result-index.js';
import { PROTOCOL } from '../../src/protocol/slave/protocol-version.js';
import type {
  Assignment,
  LeaseRef,
  PrepareAssignment,
  Prepared,
  ResultReport,
  RunAssignment,
  WorkRequest,
  WorkResponse,
} from '../../src/protocol/slave/slave-messages.js';
import { ManualClock } from './manual-clock.js';
import { ranIn } from './ran-in.js';
import { settings } from './settings.js';
import { until } from './until.js';

export const LEASE_SECONDS = 20;
/** A client that does not hang up. */
export const staying = new AbortController();

const definition: JobDefinition = { commands: ['true'], atomizers: [{ TOKEN: 'seq 4' }] };

export const directoryBuild: BuildRequest = {
  type: 'directory',
  project_directory: '/project',
  job_name: 'Simple',
};

/** A real master with a real database in a folder of its own, and a clock that the test moves. */
export class MasterHarness {
  readonly directory = mkdtempSync(join(tmpdir(), 'clusterrunner-master-'));
  readonly clock: ManualClock;
  /** On the master's disk. */
  freeBytes = 10 ** 12;
  /** For the next start. */
  settings = { ...settings, unresponsiveSlavesCleanupInterval: LEASE_SECONDS };
  #master: Master | null = null;
  #archives = 0;
  #slaves = 0;

  /** `now` in milliseconds since the epoch. */
  constructor(now?: number) {
    this.clock = new ManualClock(now);
  }

  get master(): Master {
    if (this.#master === null) {
      throw new Error('The master is not started.');
    }
    return this.#master;
  }

  async start(): Promise<void> {
    this.#master = await createMaster({
      directory: this.directory,
      clock: this.clock,
      random: Math.random,
      log: pino({ level: 'silent' }),
      settings: this.settings,
      freeBytes: () => this.freeBytes,
    });
  }

  /** Moves the time once the loops of the master sleep, so that no wake-up is missed. */
  async advance(ms: number): Promise<void> {
    await this.untilLoopsSleep();
    this.clock.advance(ms);
  }

  /** The loops of the running master that sleep between their rounds: the maintenance, and the watch of slaves if any. */
  get loops(): number {
    return this.settings.suspectAfter > 0 ? 2 : 1;
  }

  /** While no poll request is held: what was due when the time was moved has been done then. */
  async untilLoopsSleep(): Promise<void> {
    await until(() => this.clock.sleeping >= this.loops);
  }

  async restart(): Promise<void> {
    await this.master.close();
    await this.start();
  }

  async close(): Promise<void> {
    await this.#master?.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async slave(executors = 1, kind = 'instance', given: string | null = null): Promise<TestSlave> {
    this.#slaves += 1;
    const name = given ?? `slave-${this.#slaves}`;
    const instance = `${kind}-${this.#slaves}`;
    const { slave_id } = await this.master.registerSlave({
      name,
      instance,
      num_executors: executors,
      url: null,
      version: '1.0.0',
      protocol: PROTOCOL,
    });
    return new TestSlave(this, slave_id, instance, executors);
  }

  /** Moves the time until silent slaves are lost, while those in `alive` keep polling. */
  async loseOthers(...alive: TestSlave[]): Promise<void> {
    for (let step = 0; step < 6; step += 1) {
      await this.advance((LEASE_SECONDS * 1000) / 4 + 1);
      for (const slave of alive) {
        await slave.ask({ free_executors: 0 });
      }
      await this.master.registerSlave({
        name: 'bystander',
        instance: 'bystander',
        num_executors: 1,
        url: null,
        version: '1.0.0',
        protocol: PROTOCOL,
      });
    }
    await this.untilLoopsSleep();
  }

  archive(content: string | Buffer = 'archive'): ReceivedResult {
    this.#archives += 1;
    const temporaryPath = join(this.directory, `${this.#archives}.incoming`);
    writeFileSync(temporaryPath, content);
    return { temporaryPath, bytes: content.length, addedMembers: [], entryListPath: null };
  }
}

/** Sends the requests of a slave, in order, and runs nothing. */
export class TestSlave {
  readonly id: SlaveId;
  readonly instance: string;
  readonly leases = new Map<number, LeaseRef>();
  readonly builds = new Set<BuildId>();
  readonly #harness: MasterHarness;
  readonly #executors: number;
  #polls = 0;

  constructor(harness: MasterHarness, id: SlaveId, instance: string, executors: number) {
    this.#harness = harness;
    this.id = id;
    this.instance = instance;
    this.#executors = executors;
  }

  get #master(): Master {
    return this.#harness.master;
  }

  async ask(request: Partial<WorkRequest> = {}, gone: AbortController = staying): Promise<WorkResponse> {
    this.#polls += 1;
    const response = await this.#master.askForWork(
      this.id,
      {
        instance: this.instance,
        free_executors: this.#executors - this.leases.size,
        wait_seconds: 0,
        leases: [...this.leases.values()],
        builds: [...this.builds],
        poll: this.#polls,
        open_polls: [],
        ...request,
      },
      gone.signal,
    );
    for (const { lease } of response.assignments) {
      this.leases.set(lease.lease_id, lease);
    }
    for (const { lease_id } of response.cancel) {
      this.leases.delete(lease_id);
    }
    return response;
  }

  async take(): Promise<RunAssignment> {
    const found = (await this.ask()).assignments.find(isRun);
    if (found === undefined) {
      throw new Error('Nothing to run was handed out.');
    }
    return found;
  }

  async takePreparation(): Promise<PrepareAssignment> {
    const found = (await this.ask()).assignments.find((one) => one.kind === 'prepare');
    if (found?.kind !== 'prepare') {
      throw new Error('Nothing to prepare was handed out.');
    }
    return found;
  }

  /** Takes the preparation and reports atoms 1 to `atoms`. */
  async prepare(
    atoms: number,
    extra: Partial<JobDefinition> = {},
    inputs?: Prepared['inputs'],
  ): Promise<PrepareAssignment> {
    const assignment = await this.takePreparation();
    await this.reportPrepared(assignment, atoms, extra, inputs);
    return assignment;
  }

  async reportPrepared(
    { build_id, lease }: PrepareAssignment,
    atoms: number,
    extra: Partial<JobDefinition> = {},
    inputs?: Prepared['inputs'],
  ): Promise<void> {
    const report: Prepared = {
      lease,
      job: { name: 'Simple', definition: { ...definition, ...extra } },
      commit: null,
      atoms: Array.from({ length: atoms }, (_, n) => ({ variable: 'TOKEN', value: String(n + 1) })),
      ...(inputs === undefined ? {} : { inputs }),
    };
    await this.#master.reportPrepared(this.id, build_id, report);
    this.leases.delete(lease.lease_id);
    this.builds.add(build_id);
  }

  async deliver(assignment: RunAssignment, options: DeliverOptions = {}): Promise<void> {
    const { build_id, subjob_id, lease } = assignment;
    const { unfinished } = options;
    const atoms = assignment.atoms.filter(({ id }) => unfinished?.every((one) => one.id !== id) ?? true);
    const report: ResultReport = {
      lease,
      ...(unfinished === undefined ? {} : { unfinished: [...unfinished] }),
      ...(options.setup === undefined ? {} : { setup: options.setup }),
      ...(options.surroundings === undefined ? {} : { surroundings: options.surroundings }),
      atoms: atoms.map(({ id }, place) => ({
        id,
        ...(options.began === undefined ? {} : { began: options.began + place * (options.seconds ?? 1) }),
        exit_code: options.failing?.includes(id) === true ? 1 : 0,
        actual_time: options.seconds ?? 1,
        ...(options.lastLines?.[id] === undefined ? {} : { last_lines: options.lastLines[id] }),
        ...(options.facts === undefined ? {} : { facts: options.facts }),
      })),
      ran_in: ranIn,
      index: options.index ?? { members: [], consoles: [] },
    };
    const archive = this.#harness.archive(options.content);
    await this.#master.acceptResult(this.id, build_id, subjob_id, report, archive);
    this.leases.delete(lease.lease_id);
  }

  /** Takes and delivers subjobs until none is left. */
  async runAll(options: DeliverOptions = {}): Promise<number> {
    for (let done = 0; ; done += 1) {
      const assignments = (await this.ask()).assignments.filter(isRun);
      if (assignments.length === 0) {
        return done;
      }
      for (const assignment of assignments) {
        await this.deliver(assignment, options);
      }
    }
  }
}

interface DeliverOptions {
  readonly failing?: readonly number[];
  readonly seconds?: number;
  /** By atom. An older slave sends none. */
  readonly lastLines?: Readonly<Record<number, string>>;
  /** When the first atom began; the others follow without a pause. Unless given, the slave reports no times. */
  readonly began?: number;
  readonly setup?: ResultReport['setup'];
  /** An older slave sends none. */
  readonly surroundings?: string;
  readonly content?: string | Buffer;
  readonly index?: ResultIndex;
  /** For each atom. */
  readonly facts?: ResultFacts;
  /** The atoms of the subjob that have no verdict. */
  readonly unfinished?: ResultReport['unfinished'];
}

export function isRun(assignment: Assignment): assignment is RunAssignment {
  return assignment.kind === 'run';
}

/** The call must be refused with this code. */
export async function refused(call: Promise<unknown>, code: ErrorCode): Promise<string> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(ClusterRunnerError);
  if (!(error instanceof ClusterRunnerError)) {
    throw new Error('Not refused.');
  }
  expect(error.code).to.equal(code);
  return error.message;
}
