import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { type ServedMaster, serveMaster } from '../../../src/cli/services/serve-master.js';
import { MasterClient } from '../../../src/client/master-client.js';
import type { BuildId } from '../../../src/protocol/ids.js';
import { fixedSecrets } from '../../../src/protocol/signing/secrets.js';
import { PROTOCOL } from '../../../src/protocol/slave/protocol-version.js';
import { exampleToken } from '../example-master.js';
import { ManualClock } from '../manual-clock.js';
import { settings } from '../settings.js';
import type { SimulatedBuild, SimulatedMachine } from './simulated-atom.js';
import { SimulatedSlave, type SlaveContext } from './simulated-slave.js';

/** Slaves must report more often than their leases end. */
const MOST_STEP_MS = 10_000;
/** As real slaves do. */
const REPORT_EVERY_MS = 1000;
/** So many steps without work, and the build will never end. */
const MOST_IDLE_STEPS = 100;

export interface SimulationOptions {
  /** The base directory of the master, to be used by a real one afterwards. */
  readonly baseDirectory: string;
  readonly secret: string;
  /** Milliseconds since the epoch. */
  readonly startsAt: number;
  readonly slaves: readonly SimulatedMachine[];
  /** Any free one unless given. */
  readonly port?: number;
  /**
   * How many results are delivered while the time moves on; 0 unless given: then everything happens in the same order in
   * each run.
   */
  readonly deliveriesAtOnce?: number;
  /** Whether results skip HTTP, which checks them and lists their files: false unless given. */
  readonly deliversDirectly?: boolean;
}

/**
 * A real master with its real store and HTTP, whose clock the simulation moves, and slaves that run nothing. So builds of
 * hours or weeks are made in seconds, and are the same in each run.
 */
export class SimulatedCluster {
  readonly clock: ManualClock;
  readonly client: MasterClient;
  readonly url: string;
  readonly #master: ServedMaster;
  readonly #slaves: SimulatedSlave[] = [];
  readonly #builds = new Map<BuildId, SimulatedBuild>();
  readonly #runs = new Map<string, number>();
  readonly #context: SlaveContext;
  /** Whether slaves report output, and progress as often as real ones; that takes much more time. */
  reportsEverything = false;
  readonly #deliveries = new Set<Promise<void>>();
  readonly #deliveriesAtOnce: number;
  #nextReport: number;

  private constructor(master: ServedMaster, clock: ManualClock, options: SimulationOptions) {
    const { secret, baseDirectory, deliveriesAtOnce, deliversDirectly } = options;
    this.#master = master;
    this.clock = clock;
    this.url = `http://127.0.0.1:${master.port}`;
    this.client = new MasterClient({ url: this.url, secret, clock });
    this.#deliveriesAtOnce = deliveriesAtOnce ?? 0;
    this.#nextReport = clock.now();
    const directory = join(baseDirectory, 'simulation');
    const empty = join(directory, 'empty');
    mkdirSync(empty, { recursive: true });
    this.#context = {
      service: master.service,
      client: this.client,
      now: () => clock.now(),
      directory,
      empty,
      deliversDirectly: deliversDirectly ?? false,
      buildOf: (id) => {
        const build = this.#builds.get(id);
        if (build === undefined) {
          throw new Error(`Build ${id} is not one of the simulation.`);
        }
        return build;
      },
      nextRun: (build, atom) => {
        const key = `${build}/${atom}`;
        const run = this.#runs.get(key) ?? 0;
        this.#runs.set(key, run + 1);
        return run;
      },
    };
  }

  static async start(options: SimulationOptions): Promise<SimulatedCluster> {
    const clock = new ManualClock(options.startsAt);
    const master = await serveMaster({
      directory: join(options.baseDirectory, 'master'),
      port: options.port ?? 0,
      portIsExplicit: true,
      address: '127.0.0.1',
      secrets: fixedSecrets(options.secret),
      settings: { ...settings, packsMaxBytes: 1024 ** 2, zipsMaxBytes: 1024 ** 2 },
      log: pino({ level: 'silent' }),
      clock,
      leaseToken: exampleToken,
    });
    const cluster = new SimulatedCluster(master, clock, options);
    for (const slave of options.slaves) {
      cluster.#slaves.push(await SimulatedSlave.register(cluster.#context, slave, PROTOCOL));
    }
    return cluster;
  }

  /** Posts the request. */
  async create(build: SimulatedBuild): Promise<BuildId> {
    const { build_id } = await this.client.createBuild(build.request);
    this.#builds.set(build_id, build);
    return build_id;
  }

  /** Moves the time to the end of the build. @throws Error when its slaves do not get the work */
  async runToEnd(build: BuildId): Promise<void> {
    for (let idle = 0; idle < MOST_IDLE_STEPS; ) {
      await this.#step(this.clock.now() + MOST_STEP_MS);
      const isIdle = this.#slaves.every(({ nextEnd }) => nextEnd === Number.POSITIVE_INFINITY);
      idle = isIdle ? idle + 1 : 0;
      if (isIdle) {
        await Promise.all(this.#deliveries);
      }
      if (isIdle && (await this.#master.service.getBuild(build)).result !== null) {
        return;
      }
    }
    throw new Error(`Build ${build} does not end.`);
  }

  /** Moves the time by so many seconds. */
  async runFor(seconds: number): Promise<void> {
    const end = this.clock.now() + seconds * 1000;
    while (this.clock.now() < end) {
      await this.#step(end);
    }
  }

  /** Moves the time at once, as if the whole cluster had been asleep; to be used while nothing runs. */
  async skip(seconds: number): Promise<void> {
    this.clock.advance(Math.round(seconds * 1000));
    for (const slave of this.#slaves) {
      await slave.poll();
    }
  }

  /** Cancels the build like a user. */
  async cancel(build: BuildId): Promise<void> {
    await this.client.cancelBuild(build);
    for (const slave of this.#slaves) {
      await slave.poll();
    }
  }

  /** To the next event, at most until `end`. */
  async #step(end: number): Promise<void> {
    for (const slave of this.#slaves) {
      if (slave.numFree > 0) {
        await slave.poll();
      }
    }
    const now = this.clock.now();
    if (this.#nextReport <= now) {
      this.#nextReport = now + (this.reportsEverything ? REPORT_EVERY_MS : MOST_STEP_MS);
    }
    const next = Math.min(end, this.#nextReport, ...this.#slaves.map(({ nextEnd }) => nextEnd));
    this.clock.advance(Math.max(0, Math.round(next - now)));
    if (next >= this.#nextReport) {
      for (const slave of this.#slaves) {
        if (this.reportsEverything) {
          await slave.reportOutput();
        }
        await slave.poll(true);
      }
    }
    for (const slave of this.#slaves) {
      if (slave.nextEnd <= next) {
        for (const deliver of slave.takeEnded()) {
          await this.#deliver(deliver());
        }
      }
    }
  }

  /** Waits until no more deliveries are open than may be. */
  async #deliver(delivery: Promise<void>): Promise<void> {
    const tracked = delivery.finally(() => this.#deliveries.delete(tracked));
    this.#deliveries.add(tracked);
    while (this.#deliveries.size > this.#deliveriesAtOnce) {
      await Promise.race(this.#deliveries);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#deliveries);
    for (const slave of this.#slaves) {
      await this.#master.service.goodbyeSlave(slave.id);
    }
    await this.client.close();
    await this.#master.close();
    rmSync(this.#context.directory, { recursive: true });
  }
}
