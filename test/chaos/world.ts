import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MasterClient } from '../../src/client/master-client.js';
import { freePort } from '../support/cluster.js';
import { mountSmallDisk, type SmallDisk } from '../support/small-disk.js';
import { ClockShifts } from './clock-shifts.js';
import type { Diary } from './diary.js';
import { Link } from './link.js';
import { within } from './pause.js';
import { Service } from './service.js';

export interface SlaveInWorld {
  readonly service: Service;
  /** Its link to the master. */
  readonly link: Link;
  readonly directory: string;
}

export const LEASE_SECONDS = 3;
/** Far less, so that slaves are suspect often and lost seldom. */
const SUSPECT_SECONDS = 1;
export const MARKER = 'CHAOS_MARK';
/**
 * The exit code of a slave that did not reach its master within half a minute of its start; a supervisor would
 * restart it.
 */
const GAVE_UP = 2;
const KILLED = 128 + 9;
const TERMINATED = 128 + 15;
const EXECUTORS = 2;
/** Several times the space that a master keeps free for its database. */
const DISK_MIB = 768;
const SECRET = 'a secret of the chaos';

/**
 * Exit codes after SIGTERM. A process that still loads its code ends like any program, and some atoms kill their
 * slave.
 */
export function isGoodEnd(code: number | null): boolean {
  return code === 0 || code === TERMINATED || code === GAVE_UP || code === KILLED;
}

/**
 * A master and slaves, real processes with a mark by which their descendants are found, and the network between
 * them.
 */
export class World {
  readonly root: string;
  readonly mark = randomUUID();
  readonly masterClock = new ClockShifts();
  readonly masterPort: number;
  /** A disk for the master's files alone; null: they are on the shared disk. */
  readonly masterDisk: SmallDisk | null;
  readonly master: Service;
  readonly slaves: readonly SlaveInWorld[];
  /** The link of the users. */
  readonly clientLink: Link;
  /** Bypasses all faults except those of the master itself. */
  readonly observer: MasterClient;

  private constructor(
    diary: Diary,
    root: string,
    masterPort: number,
    clientLink: Link,
    links: readonly Link[],
    masterDisk: SmallDisk | null,
  ) {
    this.root = root;
    this.masterDisk = masterDisk;
    this.masterPort = masterPort;
    this.clientLink = clientLink;
    const service = (name: string, directory: string, args: readonly string[]) => {
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, 'clusterrunner.conf'), `[general]\nsecret = ${SECRET}\n`, {
        mode: 0o600,
      });
      return new Service({
        name,
        args,
        preload: new URL('./shifted-clock.js', import.meta.url).href,
        env: this.#environment(name, directory),
        cwd: root,
        logFile: join(root, `${name}.log`),
        onUnexpectedEnd: (code) => this.#onUnexpectedEnd(diary, name, code),
      });
    };
    this.master = service('master', join(root, 'master'), ['master', '-p', String(masterPort)]);
    this.slaves = links.map((link, index) => {
      const name = `slave-${index + 1}`;
      const directory = join(root, name);
      const url = `http://127.0.0.1:${link.port}`;
      return {
        link,
        directory,
        service: service(name, directory, ['slave', '-m', url, '-e', String(EXECUTORS), '-p', '0']),
      };
    });
    this.observer = new MasterClient({ url: `http://127.0.0.1:${masterPort}`, secret: SECRET });
  }

  static async create(diary: Diary, numSlaves: number, hasSmallDisk: boolean): Promise<World> {
    const root = mkdtempSync(join(tmpdir(), 'clusterrunner-chaos-'));
    const masterDisk = hasSmallDisk ? mountSmallDisk(DISK_MIB) : null;
    if (masterDisk !== null) {
      symlinkSync(masterDisk.path, join(root, 'master'));
    }
    const masterPort = await freePort();
    const links = await Promise.all(Array.from({ length: numSlaves }, () => Link.open(masterPort)));
    return new World(diary, root, masterPort, await Link.open(masterPort), links, masterDisk);
  }

  get services(): Service[] {
    return [this.master, ...this.slaves.map(({ service }) => service)];
  }

  get links(): Link[] {
    return [this.clientLink, ...this.slaves.map(({ link }) => link)];
  }

  /** A client through the faulty network. */
  client(): MasterClient {
    return new MasterClient({
      url: `http://127.0.0.1:${this.clientLink.port}`,
      secret: SECRET,
      timeoutSeconds: 5,
    });
  }

  async start(): Promise<void> {
    await this.startMaster();
    for (const { service } of this.slaves) {
      service.start();
    }
  }

  /** Resolves when it responds. */
  async startMaster(): Promise<void> {
    this.master.start();
    if (!(await within(30, () => this.#responds()))) {
      throw new Error(`The master does not respond; see ${this.root}/master.log`);
    }
  }

  /** Ends what is left of it, and removes its files unless somebody wants to inspect them. */
  async destroy(keepFiles: boolean): Promise<void> {
    await this.observer.close();
    await Promise.all(this.services.map((service) => service.kill()));
    await Promise.all(this.links.map((link) => link.close()));
    this.masterDisk?.unmount();
    if (!keepFiles) {
      rmSync(this.root, { recursive: true, force: true });
    }
  }

  #onUnexpectedEnd(diary: Diary, name: string, code: number): void {
    const slave = this.slaves.find(({ service }) => service.name === name);
    if (slave !== undefined && code === GAVE_UP) {
      diary.say(`${name} gave up looking for its master, and is started again`);
      slave.service.start();
    } else if (slave !== undefined && code === KILLED) {
      diary.fault('slave killed by an atom', `${name}, started again`);
      slave.service.start();
    } else {
      diary.violation(`${name} ended by itself with ${code}; see ${this.root}/${name}.log`);
    }
  }

  async #responds(): Promise<boolean> {
    return this.observer.listBuilds({ limit: 1 }, { timeoutSeconds: 2 }).then(
      () => true,
      () => false,
    );
  }

  /** Sets the wall clock of a service off by so many milliseconds. */
  shiftClock(name: string, ms: number): void {
    if (name === this.master.name) {
      this.masterClock.note(Date.now(), ms);
    }
    const file = this.#clockFile(name);
    writeFileSync(`${file}.new`, String(ms));
    renameSync(`${file}.new`, file);
  }

  #clockFile(name: string): string {
    return join(this.root, `${name}.clock`);
  }

  #environment(name: string, directory: string): Record<string, string> {
    const temporary = join(directory, 'tmp');
    mkdirSync(temporary, { recursive: true });
    return {
      PATH: process.env.PATH ?? '',
      HOME: directory,
      TMPDIR: temporary,
      CLUSTERRUNNER_BASE_DIRECTORY: directory,
      CLUSTERRUNNER_HOSTNAME: name,
      CLUSTERRUNNER_UNRESPONSIVE_SLAVES_CLEANUP_INTERVAL: String(LEASE_SECONDS),
      CLUSTERRUNNER_SUSPECT_AFTER: String(SUSPECT_SECONDS),
      CHAOS_CLOCK: this.#clockFile(name),
      [MARKER]: this.mark,
      CLUSTERRUNNER_ENV_PASSTHROUGH: MARKER,
    };
  }
}
