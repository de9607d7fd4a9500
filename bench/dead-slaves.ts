import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MasterClient } from '../src/client/index.js';
import { type BuildId, toId } from '../src/protocol/ids.js';
import { untilEnded } from './support/builds.js';
import { connectMachine, hasNetworkNamespaces, type RemoteMachine } from './support/network.js';
import { benchOptions } from './support/options.js';
import { Report, type Row } from './support/report.js';
import { type Service, service, startMaster } from './support/service.js';
import { median, quantile, round } from './support/statistics.js';
import { inWorkplace, type Workplace } from './support/workplace.js';

/*
 * How long the work of a slave waits when the slave dies: from the fault to the start of its atom on another slave. A slave is
 * killed; its machine loses its power, so that no packet says so; or its network is cut. In the last rows the network comes
 * back after ten seconds: the atom ends on the first slave, and its result must count. Beside it stands the time after which
 * a master without SUSPECT slaves gives up a slave.
 *
 * Each slave is a real one on a machine of its own as far as the network is concerned, which needs root and Linux. Without
 * them slaves are only killed.
 *
 *   node dist/bench/dead-slaves.js [--quick] [--json FILE] [--rounds N]
 */

type Fault = 'killed' | 'powered off' | 'cut off';

/** The longest time between two requests of a slave that runs an atom: faults come at any moment in it. */
const MOST_BETWEEN_MS = 1200;
const BLIP_MS = 10_000;
/** Long enough to end after the network has come back. */
const BLIP_ATOM_SECONDS = 20;
const FIRST = 'first';
/** Seconds after which the master would lose the slave. */
const LEASE_SECONDS = 30;

const options = benchOptions(20);
const report = new Report('dead-slaves', options);
const isRemote = hasNetworkNamespaces();
let machines = 0;

/** Repeats `look` until it finds something. */
async function until<T>(look: () => Promise<T | null> | T | null): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== null) {
      return found;
    }
    await delay(20);
  }
}

/** A slave that runs an atom, and another one with a free executor. */
class Pair {
  readonly #place: Workplace;
  readonly #client: MasterClient;
  readonly #port: string;
  readonly #starts: string;
  readonly #machine: RemoteMachine | null;
  #first: Service | null = null;
  #second: Service | null = null;
  build: BuildId | null = null;

  constructor(place: Workplace, client: MasterClient, port: string) {
    machines += 1;
    this.#place = place;
    this.#client = client;
    this.#port = port;
    this.#starts = join(place.home, `starts-${machines}`);
    this.#machine = isRemote ? connectMachine(machines) : null;
    writeFileSync(this.#starts, '');
  }

  /** When the atom began, each time, in seconds since the epoch. */
  get starts(): number[] {
    return readFileSync(this.#starts, 'utf8').trim().split('\n').filter(Boolean).map(Number);
  }

  async begin(seconds: number): Promise<void> {
    const { home } = this.#place;
    const { here = '127.0.0.1', prefix = [] } = this.#machine ?? {};
    this.#first = await this.#slave(FIRST, here, prefix);
    const command = `date +%s.%N >> ${this.#starts}; sleep ${seconds}`;
    const config = { commands: [command], atomizers: [{ N: 'echo 1' }] };
    const { build_id } = await this.#client.createBuild({
      type: 'directory',
      project_directory: home,
      config,
    });
    this.build = build_id;
    await until(() => this.starts[0] ?? null);
    this.#second = await this.#slave('second', '127.0.0.1', []);
    await delay(MOST_BETWEEN_MS * (1 + Math.random()));
  }

  /** @returns seconds from the fault to the second start of the atom */
  async suffer(fault: Fault): Promise<number> {
    const at = Date.now() / 1000;
    if (fault !== 'killed') {
      this.#machine?.cut();
    }
    if (fault !== 'cut off') {
      await this.#first?.kill();
    }
    return (await until(() => this.starts[1] ?? null)) - at;
  }

  /** @returns the slave whose result counts, and how often the atom began */
  async blip(): Promise<{ winner: string | null; starts: number; lost: number }> {
    this.#machine?.cut();
    await delay(BLIP_MS);
    this.#machine?.join();
    const id = this.build ?? toId.build(0);
    const { num_atoms_lost } = await untilEnded(this.#client, id);
    const { atoms } = await this.#client.listAtoms(id, { limit: 1 });
    return { winner: atoms[0]?.slave ?? null, starts: this.starts.length, lost: num_atoms_lost };
  }

  async end(): Promise<void> {
    if (this.build !== null) {
      await this.#client.cancelBuild(this.build).catch(() => undefined);
    }
    await Promise.all([this.#first?.kill(), this.#second?.kill()]);
    this.#machine?.remove();
  }

  #slave(name: string, host: string, prefix: readonly string[]): Promise<Service> {
    const env = { ...this.#place.env, CLUSTERRUNNER_HOSTNAME: name };
    return service(['slave', '-m', `http://${host}:${this.#port}`, '-e', '1'], /(connected)/, env, prefix);
  }
}

async function repeat<T>(rounds: number, one: (pair: Pair) => Promise<T>): Promise<T[]> {
  const values: T[] = [];
  await inWorkplace('dead', async (place) => {
    const master = await startMaster({ ...place.env, CLUSTERRUNNER_SUSPECT_AFTER: '3' });
    place.cleanup.add(() => master.stop());
    const client = new MasterClient({ url: master.url, secret: place.secret });
    place.cleanup.add(() => client.close());
    for (let turn = 0; turn < rounds; turn += 1) {
      const pair = new Pair(place, client, master.said);
      try {
        values.push(await one(pair));
      } finally {
        await pair.end();
      }
    }
  });
  return values;
}

const rows: Row[] = [];
for (const fault of isRemote ? (['killed', 'powered off', 'cut off'] as const) : (['killed'] as const)) {
  const values = await repeat(options.rounds, async (pair) => {
    await pair.begin(LEASE_SECONDS * 10);
    return pair.suffer(fault);
  });
  rows.push({
    slave: fault,
    tries: values.length,
    'p50 s': round(median(values), 2),
    'p95 s': round(quantile(values, 0.95), 2),
    'most s': round(Math.max(...values), 2),
  });
}
report.table(
  `From the fault to the start of the atom on another slave; a slave is lost after ${LEASE_SECONDS} s`,
  rows,
);
if (isRemote) {
  const blips = await repeat(options.rounds, async (pair) => {
    await pair.begin(BLIP_ATOM_SECONDS);
    return pair.blip();
  });
  report.table(`A cut of ${BLIP_MS / 1000} s, in an atom of ${BLIP_ATOM_SECONDS} s`, [
    {
      tries: blips.length,
      'results of the slave that was cut off': blips.filter(({ winner }) => winner === FIRST).length,
      'atoms that were lost': blips.reduce((sum, { lost }) => sum + lost, 0),
      'second starts': blips.reduce((sum, { starts }) => sum + starts - 1, 0),
    },
  ]);
}
report.end();
