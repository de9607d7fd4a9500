import { readFileSync } from 'node:fs';
import { type Dispatcher, Pool } from 'undici';
import { Random } from '../chaos/random.js';
import { Certificates } from '../support/certificates.js';
import { Cluster } from '../support/cluster.js';
import { writeFiles } from '../support/project.js';
import { runBackgroundBuilds } from './background-builds.js';
import { type Health, healthOf } from './health.js';
import { generateBytes } from './raw-bytes.js';
import { type GeneratedRequest, generateRequest, routeNames } from './requests.js';
import { sendBytes } from './send-bytes.js';

export interface FuzzOptions {
  readonly seed: number;
  readonly requests: number;
  /** Sends only this one, and shows it; null: all. */
  readonly only: number | null;
  /** The master speaks HTTPS, and half of the raw bytes are sent through TLS. Needs openssl. */
  readonly tls: boolean;
  readonly say: (line: string) => void;
  /** Ends the run early; nothing stays behind then either. */
  readonly stop?: AbortSignal;
}

export interface FuzzReport {
  readonly violations: readonly string[];
  /** The number of responses by status; 0 for none. */
  readonly statuses: ReadonlyMap<number, number>;
  /** By declared route: how many requests passed the signature check. */
  readonly reached: ReadonlyMap<string, number>;
  readonly builds: number;
}

const AT_ONCE = 16;
/** One in so many is sent as raw bytes over a socket. */
const RAW_EVERY = 4;
/** After this part of the run the process has all the memory that it needs; more is growth. */
const WARM_AT = 0.4;
/** Uncollected garbage varies by this much. */
const MAX_GROWTH_MIB = 96;
const MAX_MORE_FILES = 24;
const MAX_SHOWN = 20;

const JOB = 'Background: {atomizers: [{N: seq 4}], commands: ["sleep 0.1", echo "$N"]}\n';

/** Sends invalid requests to a real master that has a slave and works meanwhile. */
export async function runFuzz(options: FuzzOptions): Promise<FuzzReport> {
  const cluster = await Cluster.create();
  try {
    const certificates = options.tls ? Certificates.create(cluster.root) : null;
    const env = environmentFor(certificates);
    await cluster.startMaster(['-p', '0'], { env });
    await cluster.startSlave(2, { env });
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': JOB });
    const ca = certificates === null ? null : readFileSync(certificates.caFile, 'utf8');
    return await new Fuzz(cluster, options, ca, env).run();
  } finally {
    await cluster.stop();
  }
}

function environmentFor(certificates: Certificates | null): Record<string, string> {
  // Signatures that are wrong on purpose must not all get 429.
  const env = { CLUSTERRUNNER_MAX_FAILED_SIGNATURES: '1000000' };
  return certificates === null
    ? env
    : {
        ...env,
        CLUSTERRUNNER_HTTPS_CERT_FILE: certificates.certFile,
        CLUSTERRUNNER_HTTPS_KEY_FILE: certificates.keyFile,
        CLUSTERRUNNER_HTTPS_CA_FILE: certificates.caFile,
      };
}

class Fuzz {
  readonly #cluster: Cluster;
  readonly #options: FuzzOptions;
  /** The certificate authority of the master; null: it speaks HTTP. */
  readonly #ca: string | null;
  readonly #env: Readonly<Record<string, string>>;
  readonly #pool: Pool;
  readonly #violations: string[] = [];
  readonly #statuses = new Map<number, number>();
  readonly #reached = new Map<string, number>(routeNames.map((name) => [name, 0]));
  #next = 0;
  #warm: Health | null = null;

  constructor(
    cluster: Cluster,
    options: FuzzOptions,
    ca: string | null,
    env: Readonly<Record<string, string>>,
  ) {
    this.#cluster = cluster;
    this.#options = options;
    this.#ca = ca;
    this.#env = env;
    this.#pool = new Pool(cluster.master.url, {
      connections: AT_ONCE,
      headersTimeout: 30_000,
      ...(ca === null ? {} : { connect: { ca } }),
    });
  }

  async run(): Promise<FuzzReport> {
    const { only, requests, say } = this.#options;
    const before = healthOf(this.#cluster.master.program.pid);
    const background = runBackgroundBuilds(this.#cluster, this.#env);
    const started = performance.now();
    try {
      if (only !== null) {
        await this.#sendOne(only);
      } else {
        await Promise.all(Array.from({ length: AT_ONCE }, () => this.#sendMany()));
      }
    } finally {
      await this.#pool.destroy();
    }
    const seconds = (performance.now() - started) / 1000;
    const builds = await background.stop();
    this.#violations.push(...builds.violations);
    const health = this.#checkHealth();
    const counts = [...this.#statuses]
      .sort(([a], [b]) => a - b)
      .map(([status, count]) => `${status}: ${count}`);
    say(
      `${this.#next} of ${requests} requests in ${seconds.toFixed(0)} s;  builds meanwhile. Responses: ${counts.join(', ')}`,
    );
    const least = [...this.#reached].sort(([, a], [, b]) => a - b)[0];
    say(
      `${this.#reached.size} routes, each passed its signature check at least ${least?.[1]} times (${least?.[0]}).`,
    );
    say(`The master: ${shown(before)} before, ${shown(this.#warm)} when warm, ${shown(health)} at the end.`);
    return {
      violations: this.#violations,
      statuses: this.#statuses,
      reached: this.#reached,
      builds: builds.count,
    };
  }

  async #sendMany(): Promise<void> {
    const { requests, stop } = this.#options;
    const continues = () => stop?.aborted !== true && this.#violations.length < MAX_SHOWN;
    while (this.#next < requests && continues()) {
      const index = this.#next;
      this.#next += 1;
      if (index === Math.floor(requests * WARM_AT)) {
        this.#warm = healthOf(this.#cluster.master.program.pid);
      }
      await this.#sendOne(index);
    }
  }

  async #sendOne(index: number): Promise<void> {
    const random = new Random(this.#options.seed * 1_000_003 + index).fork();
    const isRaw = index % RAW_EVERY === 0;
    try {
      await (isRaw ? this.#sendRaw(random, index) : this.#sendRequest(random, index));
    } catch (error) {
      if (this.#cluster.master.program.hasEnded) {
        this.#violations.push(
          `The master ended at request ${index}: ${this.#cluster.master.program.stderr.slice(-2000)}`,
        );
      } else {
        this.#violations.push(`Request ${index}: ${error instanceof Error ? error.stack : String(error)}`);
      }
    }
  }

  async #sendRaw(random: Random, index: number): Promise<void> {
    const bytes = generateBytes(random);
    const isInside = index % (2 * RAW_EVERY) === 0;
    const reads = random.chance(0.9);
    const response = await sendBytes(this.#cluster.master.port, bytes, isInside ? this.#ca : null, reads);
    const statuses = [...response.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
    for (const status of statuses.length === 0 ? [0] : statuses) {
      this.#count(
        status,
        index,
        () => JSON.stringify(bytes.toString('latin1').slice(0, 500)),
        () => response,
      );
    }
  }

  async #sendRequest(random: Random, index: number): Promise<void> {
    const ordinal = index - 1 - Math.floor(index / RAW_EVERY);
    const request = generateRequest(random, this.#cluster.secret, Date.now() / 1000, ordinal);
    const response = await this.#pool.request({
      path: request.target,
      method: request.method,
      headers: request.headers,
      body: request.body.length === 0 ? null : request.body,
    });
    const text = await endOf(response);
    // A wrong path, method or signature is refused before the route's handler.
    const isReached = ![401, 405].includes(response.statusCode) && !text.includes('docs/api.md lists it');
    if (isReached) {
      this.#reached.set(request.route, (this.#reached.get(request.route) ?? 0) + 1);
    }
    this.#count(
      response.statusCode,
      index,
      () => describe(request),
      () => text,
    );
  }

  #count(status: number, index: number, what: () => string, response: () => string): void {
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    if (this.#options.only !== null) {
      this.#options.say(`${what()}\n${status}: ${response().slice(0, 2000)}`);
    }
    if (status >= 500) {
      this.#violations.push(`Request ${index} got ${status}: ${response().slice(0, 300)}\n${what()}`);
    }
  }

  #checkHealth(): Health | null {
    const { program } = this.#cluster.master;
    if (program.hasEnded) {
      this.#violations.push('The master has ended.');
      return null;
    }
    const now = healthOf(program.pid);
    if (now !== null && this.#warm !== null) {
      const { residentMiB, openFiles } = this.#warm;
      if (now.residentMiB - residentMiB > MAX_GROWTH_MIB) {
        this.#violations.push(`The memory of the master grew from ${shown(this.#warm)} to ${shown(now)}.`);
      }
      if (now.openFiles - openFiles > MAX_MORE_FILES) {
        this.#violations.push(
          `The open files of the master grew from ${shown(this.#warm)} to ${shown(now)}.`,
        );
      }
    }
    if (program.stderr.includes('"level":50')) {
      this.#violations.push(`The master has logged an error: ${program.stderr.slice(-2000)}`);
    }
    return now;
  }
}

/** An endless response is left after its head. */
async function endOf(response: Dispatcher.ResponseData): Promise<string> {
  if (String(response.headers['content-type']).startsWith('text/event-stream')) {
    response.body.destroy();
    response.body.on('error', () => undefined);
    return '';
  }
  return await response.body.text();
}

function describe({ method, target, headers, body }: GeneratedRequest): string {
  const text = body.subarray(0, 500).toString('latin1');
  return `${method} ${target.slice(0, 500)} ${JSON.stringify(headers).slice(0, 1500)} ${JSON.stringify(text)}`;
}

function shown(health: Health | null): string {
  return health === null
    ? 'unknown'
    : `${health.residentMiB.toFixed(0)} MiB and ${health.openFiles} open files`;
}
