import { randomInt, randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { MasterClient } from '../../src/client/master-client.js';
import { findPackageJSON } from '../../src/lib/package-json.js';
import { type Ended, Program, processesWith } from './processes.js';
import { eventually } from './wait.js';

export const repositoryRoot = dirname(findPackageJSON(import.meta.url));
const MARKER = 'TEST_CLUSTER';
/** Generous, since the machine may be busy. */
const GRACE_MS = 60_000;
/** Longer than the five seconds of a watchdog between SIGTERM and SIGKILL. */
const LEFTOVERS_GRACE_MS = 60_000;

export interface StartOptions {
  readonly cwd?: string;
  /** Added to the cluster's own, and overrides them. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Master {
  readonly program: Program;
  readonly url: string;
  readonly port: number;
}

/**
 * The real processes of one test. They have a base directory, a temporary folder and an environment variable of
 * their own, by which `stop` proves that no process and no temporary file outlives them.
 */
export class Cluster {
  readonly root = mkdtempSync(join(tmpdir(), 'clusterrunner-functional-'));
  readonly baseDirectory = join(this.root, 'base');
  readonly temporary = join(this.root, 'tmp');
  /** The current directory of `build`, and the place of its results. */
  readonly cwd = join(this.root, 'cwd');
  readonly secret = 'a secret of the tests';
  readonly #mark = randomUUID();
  readonly #programs: Program[] = [];
  readonly #clients: MasterClient[] = [];
  #master: Master | null = null;
  readonly #freePort: number;
  #slaves = 0;

  private constructor(freePort: number) {
    this.#freePort = freePort;
    for (const directory of [this.baseDirectory, this.temporary, this.cwd]) {
      mkdirSync(directory);
    }
    writeFileSync(join(this.baseDirectory, 'clusterrunner.conf'), `[general]\nsecret = ${this.secret}\n`, {
      mode: 0o600,
    });
  }

  /** Without processes. */
  static async create(): Promise<Cluster> {
    return new Cluster(await freePort());
  }

  /** A master, and a slave for each number of executors. */
  static async start(...executors: readonly number[]): Promise<Cluster> {
    const cluster = await Cluster.create();
    try {
      await cluster.startMaster();
      await Promise.all(executors.map((count) => cluster.startSlave(count)));
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get master(): Master {
    if (this.#master === null) {
      throw new Error('No master was started.');
    }
    return this.#master;
  }

  /** Signs its requests, like a user's program. */
  get client(): MasterClient {
    const client = new MasterClient({ url: this.master.url, secret: this.secret });
    this.#clients.push(client);
    return client;
  }

  /** The environment of the processes: little of the tests' own, and nothing of another ClusterRunner. */
  get env(): Record<string, string> {
    const names = ['PATH', 'HOME', 'LANG', 'USER', 'NODE_V8_COVERAGE'];
    return {
      ...Object.fromEntries(
        names.flatMap((name) => {
          const value = process.env[name];
          return value === undefined ? [] : [[name, value]];
        }),
      ),
      TMPDIR: this.temporary,
      // npm would keep compiled code in the temporary folder.
      NODE_DISABLE_COMPILE_CACHE: '1',
      CLUSTERRUNNER_BASE_DIRECTORY: this.baseDirectory,
      CLUSTERRUNNER_HOSTNAME: '127.0.0.1',
      // The test's master; or a port without a listener, so that no other master of the machine is found.
      CLUSTERRUNNER_MASTER_PORT: String(this.#master?.port ?? this.#freePort),
      [MARKER]: this.#mark,
      // Processes of atoms are found and counted too.
      CLUSTERRUNNER_ENV_PASSTHROUGH: `${MARKER},NODE_V8_COVERAGE,NODE_DISABLE_COMPILE_CACHE`,
    };
  }

  async startMaster(args: readonly string[] = ['-p', '0'], options: StartOptions = {}): Promise<Master> {
    const program = this.run(['master', ...args], options);
    const [, url = ''] = await program.says(/^Master is listening on (https?:\S+)$/m);
    this.#master = { program, url, port: Number(new URL(url).port) };
    return this.#master;
  }

  async startSlave(executors: number, options: StartOptions = {}): Promise<Program> {
    this.#slaves += 1;
    const args = ['slave', '-m', this.master.url, '-e', String(executors), '-p', '0'];
    const env = { CLUSTERRUNNER_HOSTNAME: `slave-${this.#slaves}`, ...options.env };
    const program = this.run(args, { ...options, env });
    await program.says(/^Slave is connected to \S+ with \d+ executors?$/m);
    return program;
  }

  /** Starts clusterrunner with these arguments. */
  run(args: readonly string[], options: StartOptions = {}): Program {
    return this.runProgram(join(repositoryRoot, 'bin', 'clusterrunner'), args, options);
  }

  /** Starts another program with the cluster's environment. */
  runProgram(file: string, args: readonly string[], options: StartOptions = {}): Program {
    const program = new Program(file, args, {
      cwd: options.cwd ?? this.cwd,
      env: { ...this.env, ...options.env },
    });
    this.#programs.push(program);
    return program;
  }

  /** `clusterrunner build …` at the master, or without one if none was started. */
  startBuild(args: readonly string[], options: StartOptions = {}): Program {
    const where = this.#master === null ? [] : ['--master-url', this.#master.url];
    return this.run(['build', ...args, ...where], options);
  }

  build(args: readonly string[], options: StartOptions = {}): Promise<Ended> {
    return this.startBuild(args, options).ended;
  }

  /** The folder of an atom in `./build_results/` of the last build. Its subjob differs from run to run. */
  folder(atom: number): string {
    const name = readdirSync(join(this.cwd, 'build_results')).find((entry) => entry.endsWith(`_${atom}`));
    return name ?? expect.fail(`There is no folder of atom ${atom}.`);
  }

  /** A file of an atom in `./build_results/` of the last build. */
  result(atom: number, ...path: readonly string[]): string {
    return readFileSync(join(this.cwd, 'build_results', this.folder(atom), ...path), 'utf8');
  }

  /** All files under `./build_results/`, sorted, without the `.gitignore`. */
  results(): string[] {
    return filesIn(join(this.cwd, 'build_results')).filter((name) => name !== '.gitignore');
  }

  /** The living processes of this cluster. */
  processes(): string[] {
    return processesWith(MARKER, this.#mark);
  }

  /** Ends all processes with SIGTERM. @throws when one does not end, or when anything is left */
  async stop(): Promise<void> {
    try {
      await Promise.all(this.#clients.map((client) => client.close()));
      // Slaves first: they return their work to a master that listens.
      const order = this.#programs.filter((program) => program !== this.#master?.program);
      await Promise.all(order.map(endProgram));
      if (this.#master !== null) {
        await endProgram(this.#master.program);
      }
      // Processes of a killed slave are ended within seconds, not at once.
      await eventually(
        'no process of the cluster was left',
        () => this.processes().length === 0,
        () => this.processes(),
        LEFTOVERS_GRACE_MS,
      );
      expect(filesIn(this.temporary), 'temporary files left behind').to.deep.equal([]);
    } finally {
      for (const line of this.processes()) {
        process.kill(Number.parseInt(line, 10), 'SIGKILL');
      }
      rmSync(this.root, { recursive: true, force: true });
    }
  }
}

async function endProgram(program: Program): Promise<void> {
  if (program.hasEnded) {
    return;
  }
  program.signal('SIGTERM');
  const cancel = new AbortController();
  const late = sleep(GRACE_MS, true, { signal: cancel.signal }).catch(() => false);
  const isLate = await Promise.race([late, program.ended.then(() => false)]);
  cancel.abort();
  if (isLate) {
    program.signal('SIGKILL');
    throw new Error(
      `A process still runs ${GRACE_MS} ms after SIGTERM.\n${program.stdout}\n${program.stderr}`,
    );
  }
}

function filesIn(directory: string): string[] {
  if (!existsSync(directory)) {
    return [];
  }
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

/** Below the ephemeral ports (`-p 0`) of the kernel, so that no other test gets one meanwhile. */
const FIRST_PORT = 20_000;
const PORTS = 12_000;

/** A port of loopback without a listener. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, FIRST_PORT + PORTS);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (isFree) {
      await new Promise((resolve) => server.close(resolve));
      return port;
    }
  }
}
