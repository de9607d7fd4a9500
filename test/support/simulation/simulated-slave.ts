import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { MasterClient } from '../../../src/client/master-client.js';
import type { MasterService } from '../../../src/master/state/master-api.js';
import type { BuildId, SlaveId } from '../../../src/protocol/ids.js';
import { atomFolder } from '../../../src/protocol/ids.js';
import { CONSOLE_FILE, EXIT_CODE_FILE, TIME_FILE } from '../../../src/protocol/results/archive-names.js';
import type {
  LeaseRef,
  PrepareAssignment,
  ResultReport,
  RunAssignment,
  SubjobProgress,
} from '../../../src/protocol/slave/slave-messages.js';
import { type AtomFolder, writeArchive } from '../../../src/slave/archive/write-archive.js';
import { recordedConsole } from '../recorded-console.js';
import type { SimulatedBuild, SimulatedMachine } from './simulated-atom.js';
import { type ScheduledAtom, SimulatedWork } from './simulated-work.js';

const FREE_DISK_BYTES = 200 * 1024 ** 3;
const staying = new AbortController().signal;

export interface SlaveContext {
  readonly service: MasterService;
  readonly client: MasterClient;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Holds archives until they are delivered. */
  readonly directory: string;
  /** An empty folder. */
  readonly empty: string;
  /** Whether results skip HTTP, which checks them and lists their files. */
  readonly deliversDirectly: boolean;
  readonly buildOf: (build: BuildId) => SimulatedBuild;
  /** How often the atom was run before. */
  readonly nextRun: (build: BuildId, atom: number) => number;
}

interface Preparing {
  readonly assignment: PrepareAssignment;
  readonly endsAt: number;
}

/** Registers, polls, reports and delivers like a slave, at the times of a simulated clock. It runs nothing. */
export class SimulatedSlave {
  readonly #context: SlaveContext;
  readonly #instance: string;
  readonly #machine: SimulatedMachine;
  readonly id: SlaveId;
  readonly #running = new Map<number, SimulatedWork>();
  readonly #delivering = new Map<number, LeaseRef>();
  readonly #preparing = new Map<number, Preparing>();
  /** When setup_build has ended on this slave. */
  readonly #readyAt = new Map<BuildId, number>();
  #polls = 0;

  private constructor(context: SlaveContext, instance: string, machine: SimulatedMachine, id: SlaveId) {
    this.#context = context;
    this.#instance = instance;
    this.#machine = machine;
    this.id = id;
  }

  static async register(
    context: SlaveContext,
    machine: SimulatedMachine,
    protocol: number,
  ): Promise<SimulatedSlave> {
    const { name, executors } = machine;
    const instance = `simulated-${name}`;
    const { slave_id } = await context.service.registerSlave({
      name,
      instance,
      num_executors: executors,
      url: null,
      version: '1.0.0',
      protocol,
    });
    return new SimulatedSlave(context, instance, machine, slave_id);
  }

  get numFree(): number {
    return this.#machine.executors - this.#running.size - this.#preparing.size;
  }

  /** When it next has something to deliver; Infinity while it has no work. */
  get nextEnd(): number {
    const works = [...this.#preparing.values(), ...this.#running.values()];
    return Math.min(Number.POSITIVE_INFINITY, ...works.map(({ endsAt }) => endsAt));
  }

  /** `reports`: whether to report the progress since the last such poll. */
  async poll(reports = false): Promise<void> {
    const { service } = this.#context;
    this.#polls += 1;
    const progress = reports ? this.#progress() : [];
    const response = await service.askForWork(
      this.id,
      {
        instance: this.#instance,
        free_executors: this.numFree,
        wait_seconds: 0,
        leases: this.#leases(),
        builds: [...this.#readyAt.keys()],
        poll: this.#polls,
        open_polls: [],
        free_disk_bytes: this.#machine.freeDiskBytes ?? FREE_DISK_BYTES,
        ...(this.#machine.paused === undefined ? {} : { paused: this.#machine.paused }),
        ...(progress.length > 0 ? { progress } : {}),
      },
      staying,
    );
    for (const { lease_id } of response.cancel) {
      this.#running.delete(lease_id);
      this.#preparing.delete(lease_id);
    }
    for (const build of response.release) {
      this.#readyAt.delete(build);
    }
    for (const assignment of response.assignments) {
      if (assignment.kind === 'prepare') {
        const { preparationSeconds } = this.#context.buildOf(assignment.build_id);
        const endsAt = this.#context.now() + preparationSeconds * 1000;
        this.#preparing.set(assignment.lease.lease_id, { assignment, endsAt });
      } else {
        this.#begin(assignment);
      }
    }
  }

  #leases(): LeaseRef[] {
    const works = [...this.#preparing.values(), ...this.#running.values()];
    return [...works.map(({ assignment }) => assignment.lease), ...this.#delivering.values()];
  }

  #begin(assignment: RunAssignment): void {
    const { buildOf, nextRun, now } = this.#context;
    const { build_id: build, atoms, lease } = assignment;
    const { setupSeconds, runAtom } = buildOf(build);
    const readyAt = this.#readyAt.get(build) ?? now() + setupSeconds * 1000;
    this.#readyAt.set(build, readyAt);
    const runs = atoms.map((atom) => runAtom(atom, nextRun(build, atom.id)));
    const place = { arrivedAt: now(), readyAt, executor: this.#freeExecutor() };
    this.#running.set(lease.lease_id, new SimulatedWork(assignment, runs, place));
  }

  #freeExecutor(): number {
    const busy = new Set([...this.#running.values()].map(({ place }) => place.executor));
    return Array.from({ length: this.#machine.executors }, (_, index) => index).findIndex(
      (index) => !busy.has(index),
    );
  }

  #progress(): SubjobProgress[] {
    const now = this.#context.now();
    return [...this.#running.values()].flatMap((work) => {
      const { build_id, subjob_id, lease } = work.assignment;
      const atoms = work.progressUntil(now);
      const executor_index = work.place.executor;
      return atoms.length > 0 ? [{ build_id, subjob_id, lease, atoms, executor_index }] : [];
    });
  }

  /** Sends what the running atoms have printed since the last call. */
  async reportOutput(): Promise<void> {
    const { service, now } = this.#context;
    for (const work of this.#running.values()) {
      const output = work.outputUntil(now());
      if (output !== null) {
        const { build_id, subjob_id, lease } = work.assignment;
        const { atom, offset, piece } = output;
        const content = Buffer.from(piece).toString('base64');
        const report = { lease, atoms: [], consoles: [{ atom_id: atom.id, offset, content }] };
        await service.reportProgress(this.id, build_id, subjob_id, report);
      }
    }
  }

  /** Frees the executors of everything that has ended by now; the deliveries are to be called in this order. */
  takeEnded(): (() => Promise<void>)[] {
    const now = this.#context.now();
    const deliveries: (() => Promise<void>)[] = [];
    for (const [id, { assignment, endsAt }] of this.#preparing) {
      if (endsAt <= now) {
        this.#preparing.delete(id);
        this.#delivering.set(id, assignment.lease);
        deliveries.push(async () => {
          await this.#reportPrepared(assignment);
          this.#delivering.delete(id);
        });
      }
    }
    for (const [id, work] of this.#running) {
      if (work.endsAt <= now) {
        this.#running.delete(id);
        this.#delivering.set(id, work.assignment.lease);
        deliveries.push(async () => {
          await this.#deliver(work);
          this.#delivering.delete(id);
        });
      }
    }
    return deliveries;
  }

  async #reportPrepared({ build_id, lease }: PrepareAssignment): Promise<void> {
    const { jobName, request, revision, atoms, preparationError } = this.#context.buildOf(build_id);
    if (preparationError !== undefined) {
      await this.#context.service.reportPreparationFailed(this.id, build_id, lease, preparationError);
      return;
    }
    if (request.config === undefined) {
      throw new Error('The request of a simulated build must have the job.');
    }
    await this.#context.service.reportPrepared(this.id, build_id, {
      lease,
      job: { name: jobName, definition: request.config },
      commit: revision?.commit ?? null,
      ...(revision === undefined ? {} : { revision }),
      atoms: [...atoms],
    });
  }

  async #deliver(work: SimulatedWork): Promise<void> {
    const { assignment, atoms, place } = work;
    const { build_id, subjob_id, lease } = assignment;
    const { service, client, deliversDirectly, directory } = this.#context;
    const home = join(directory, `lease-${lease.lease_id}`);
    const archive = `${home}.tar.gz`;
    const { facts, ...index } = await writeArchive(
      atoms.map((atom) => this.#folderOf(assignment, atom, home)),
      archive,
    );
    const report: ResultReport = {
      lease,
      atoms: atoms.map(({ id, exitCode, seconds, startsAt }) => {
        const own = facts.get(id);
        return {
          id,
          exit_code: exitCode,
          actual_time: seconds,
          began: work.sinceArrival(startsAt),
          ...work.lastLines(id),
          ...(own === undefined ? {} : { facts: own }),
        };
      }),
      ran_in: {
        project_directory: `/var/lib/clusterrunner/slaves/slave-1/workspaces/build-${build_id}/project`,
        executor_index: place.executor,
      },
      ...(place.readyAt > place.arrivedAt
        ? { setup: { began: 0, seconds: work.sinceArrival(place.readyAt) } }
        : {}),
      index,
    };
    if (deliversDirectly) {
      await service.acceptResult(this.id, build_id, subjob_id, report, {
        temporaryPath: archive,
        bytes: statSync(archive).size,
        addedMembers: [],
        entryListPath: null,
      });
    } else {
      await client.deliverResult(this.id, build_id, subjob_id, report, archive);
    }
    for (const path of [home, archive]) {
      rmSync(path, { recursive: true, force: true });
    }
  }

  #folderOf(
    { subjob_id }: RunAssignment,
    { id, exitCode, seconds, output, files }: ScheduledAtom,
    home: string,
  ): AtomFolder {
    const path = files === undefined ? this.#context.empty : join(home, String(id));
    for (const [name, content] of Object.entries(files ?? {})) {
      mkdirSync(dirname(join(path, name)), { recursive: true });
      writeFileSync(join(path, name), content);
    }
    return {
      atom: id,
      path,
      name: atomFolder(subjob_id, id),
      console: {
        name: CONSOLE_FILE,
        recorded: typeof output === 'string' ? recordedConsole(output) : output,
      },
      added: [
        { name: EXIT_CODE_FILE, content: `${exitCode}\n`, mode: 0o644 },
        { name: TIME_FILE, content: `${seconds.toFixed(2)}\n`, mode: 0o644 },
      ],
    };
  }
}
