import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '../../src/lib/error-code.js';
import { ClusterRunnerError } from '../../src/protocol/errors.js';
import type { SmallDisk } from '../support/small-disk.js';
import type { Diary } from './diary.js';
import type { Link } from './link.js';
import { pause, within } from './pause.js';
import type { Random } from './random.js';
import { Service } from './service.js';
import { isGoodEnd, LEASE_SECONDS, type SlaveInWorld, type World } from './world.js';

/** For a slave that is asked to leave, whatever the network does: longer than its grace periods. */
const LEAVE_SECONDS = 60;

const MIB = 1024 ** 2;

/** Writes zeros until only `leaves` MiB are free on the file's disk. */
function fill(file: string, leaves: number): void {
  const zeros = Buffer.alloc(MIB);
  const descriptor = openSync(file, 'w');
  try {
    for (;;) {
      const { bavail, bsize } = statfsSync(file);
      const free = bavail * bsize - leaves * MIB;
      if (free <= 0) {
        return;
      }
      writeSync(descriptor, zeros, 0, Math.min(MIB, free));
    }
  } catch (error) {
    if (!hasCode(error, 'ENOSPC')) {
      throw error;
    }
  } finally {
    closeSync(descriptor);
  }
}

type Fault = (signal: AbortSignal) => Promise<void>;

/**
 * Draws faults until it is stopped, and repairs each one after its time. A process suffers one fault at a time, a
 * link has one weather at a time; otherwise everything may happen at once.
 */
export class Adversary {
  readonly #world: World;
  readonly #random: Random;
  readonly #diary: Diary;
  readonly #busy = new Set<unknown>();
  readonly #inProgress: Promise<void>[] = [];

  constructor(world: World, random: Random, diary: Diary) {
    this.#world = world;
    this.#random = random;
    this.#diary = diary;
  }

  /** Resolves when everything is repaired. */
  async injectFaults(signal: AbortSignal): Promise<void> {
    const { masterDisk } = this.#world;
    if (masterDisk !== null) {
      this.#inProgress.push(this.#fillRepeatedly(masterDisk, this.#random.fork(), signal));
    }
    while (!signal.aborted) {
      // Occasionally leaves time for work.
      const isCalm = this.#random.chance(0.08);
      await pause(isCalm ? this.#random.between(2000, 5000) : this.#random.between(100, 900), signal);
      const drawn = signal.aborted ? null : this.#draw();
      if (drawn !== null) {
        const { victim, fault } = drawn;
        this.#busy.add(victim);
        this.#inProgress.push(fault(signal).finally(() => this.#busy.delete(victim)));
      }
    }
    await Promise.all(this.#inProgress);
    for (const link of this.#world.links) {
      link.calm();
    }
    for (const service of this.#world.services) {
      service.start();
    }
  }

  /**
   * null when the victim already suffers enough. The drawn numbers depend on the seed alone, whether they are used
   * or not.
   */
  #draw(): { victim: unknown; fault: Fault } | null {
    const random = this.#random.fork();
    const dice = random.next();
    const slave = random.pick(this.#world.slaves);
    const number = random.integer(0, this.#world.links.length - 1);
    const link = this.#world.links[number] ?? this.#world.clientLink;
    const where = number === 0 ? 'the link of the clients' : `the link of slave-${number}`;
    const [victim, fault] = ((): [unknown, Fault] => {
      if (dice < 0.1) {
        return [this.#world.master, (signal) => this.#killMaster(random, signal)];
      }
      if (dice < 0.14) {
        return [this.#world.master, (signal) => this.#stopMaster(random, signal)];
      }
      if (dice < 0.17) {
        return [this.#world.master, (signal) => this.#freezeMaster(random, signal)];
      }
      if (dice < 0.29) {
        return [slave, (signal) => this.#killSlave(slave, random, signal)];
      }
      if (dice < 0.39) {
        return [slave, (signal) => this.#freezeSlave(slave, random, signal)];
      }
      if (dice < 0.43) {
        return [slave, (signal) => this.#powerOff(slave, random, signal)];
      }
      if (dice < 0.46) {
        return [slave, (signal) => this.#stopSlave(slave, random, signal)];
      }
      if (dice < 0.5) {
        return [slave, (signal) => this.#drainSlave(slave, random, signal)];
      }
      if (dice < 0.7) {
        return [link, (signal) => this.#weather(link, where, random, signal)];
      }
      if (dice < 0.74) {
        return [this.#world.services, (signal) => this.#stepClock(random, signal)];
      }
      if (dice < 0.88) {
        return [{}, async (signal) => this.#trap(random, signal)];
      }
      return [{}, async () => this.#mishap(link, where, random)];
    })();
    return this.#busy.has(victim) ? null : { victim, fault };
  }

  /** With a file on the master's disk. */
  async #fillRepeatedly({ path }: SmallDisk, random: Random, signal: AbortSignal): Promise<void> {
    const ballast = join(path, 'ballast');
    while (!signal.aborted) {
      await pause(random.integer(2000, 8000), signal);
      const leaves = random.chance(0.5) ? 0 : random.integer(0, 256);
      const ms = random.integer(300, 4000);
      this.#diary.fault('disk filled', `of the master, but for ${leaves} MiB, for ${ms} ms`);
      fill(ballast, leaves);
      await pause(ms, signal);
      rmSync(ballast, { force: true });
    }
  }

  async #killMaster(random: Random, signal: AbortSignal): Promise<void> {
    const { master } = this.#world;
    const ms = random.integer(0, 2500);
    this.#diary.fault('master killed', `started again after ${ms} ms`);
    await master.kill();
    await pause(ms, signal);
    master.start();
  }

  async #stopMaster(random: Random, signal: AbortSignal): Promise<void> {
    const { master } = this.#world;
    const ms = random.integer(0, 1500);
    this.#diary.fault('master stopped by SIGTERM', `started again ${ms} ms after its end`);
    const code = await this.#endOf('master', master.stop());
    this.#requireGoodEnd('master', code);
    await pause(ms, signal);
    master.start();
  }

  async #freezeMaster(random: Random, signal: AbortSignal): Promise<void> {
    // May last longer than a lease: no slave may be lost because of it.
    const ms = random.integer(200, LEASE_SECONDS * 2000);
    this.#diary.fault('master frozen', `for ${ms} ms`);
    this.#world.master.signal('SIGSTOP');
    await pause(ms, signal);
    this.#world.master.signal('SIGCONT');
  }

  /** By more than a lease, and by less than the tolerance of signatures. */
  async #stepClock(random: Random, signal: AbortSignal): Promise<void> {
    const { name } = random.pick(this.#world.services);
    const ms = random.integer(500, 5000);
    const step = random.integer(LEASE_SECONDS * 1000, 40_000) * (random.chance(0.5) ? 1 : -1);
    this.#diary.fault('clock stepped', `${name} by ${step} ms, and back after ${ms} ms`);
    this.#world.shiftClock(name, step);
    await pause(ms, signal);
    this.#world.shiftClock(name, 0);
  }

  async #killSlave({ service }: SlaveInWorld, random: Random, signal: AbortSignal): Promise<void> {
    const ms = random.integer(0, 5000);
    this.#diary.fault('slave killed', `${service.name}, started again after ${ms} ms`);
    await service.kill();
    await pause(ms, signal);
    service.start();
  }

  /** Not even the end of its connections is seen at the master before its machine is on again. */
  async #powerOff({ service, link }: SlaveInWorld, random: Random, signal: AbortSignal): Promise<void> {
    const ms = random.integer(1000, LEASE_SECONDS * 2000);
    if (this.#busy.has(link)) {
      return;
    }
    this.#busy.add(link);
    this.#diary.fault('slave without power', `${service.name} for ${ms} ms`);
    link.weather = { kind: 'lost' };
    await service.kill();
    await pause(ms, signal);
    link.weather = { kind: 'clear' };
    this.#busy.delete(link);
    service.start();
  }

  async #freezeSlave({ service }: SlaveInWorld, random: Random, signal: AbortSignal): Promise<void> {
    const ms = random.integer(500, LEASE_SECONDS * 2500);
    const alsoDies = random.chance(0.2);
    this.#diary.fault('slave frozen', `${service.name} for ${ms} ms${alsoDies ? ', then killed' : ''}`);
    service.signal('SIGSTOP');
    await pause(ms, signal);
    if (alsoDies) {
      await service.kill();
      service.start();
    } else {
      service.signal('SIGCONT');
    }
  }

  async #stopSlave({ service }: SlaveInWorld, random: Random, signal: AbortSignal): Promise<void> {
    const ms = random.integer(0, 3000);
    this.#diary.fault('slave stopped by SIGTERM', `${service.name}, started again ${ms} ms after its end`);
    this.#requireGoodEnd(service.name, await this.#endOf(service.name, service.stop()));
    await pause(ms, signal);
    service.start();
  }

  async #drainSlave({ service }: SlaveInWorld, random: Random, signal: AbortSignal): Promise<void> {
    const { observer } = this.#world;
    const ms = random.integer(0, 3000);
    try {
      const { slaves } = await observer.listSlaves({ limit: 1000 }, { timeoutSeconds: 2 });
      const found = slaves.findLast(({ name, state }) => name === service.name && state === 'CONNECTED');
      if (found === undefined) {
        return;
      }
      await observer.drainSlaves([found.id], { timeoutSeconds: 2 });
    } catch (error) {
      if (error instanceof ClusterRunnerError) {
        return;
      }
      throw error;
    }
    this.#diary.fault('slave drained', `${service.name}, ended at the latest after ${2 * ms} ms`);
    // The master may die and forget the drain, or may have drained a process that was killed since.
    const left = service.ended();
    await Promise.race([left, pause(2 * ms, signal)]);
    this.#requireGoodEnd(service.name, await this.#endOf(service.name, service.stop()));
    service.start();
  }

  async #endOf(name: string, ended: Promise<number>): Promise<number | null> {
    const outcome: { code: number | null } = { code: null };
    ended.then((code) => {
      outcome.code = code;
    });
    if (!(await within(LEAVE_SECONDS, () => outcome.code !== null))) {
      this.#diary.violation(`${name} still runs ${LEAVE_SECONDS} s after it was asked to end.`);
    }
    return outcome.code;
  }

  #requireGoodEnd(name: string, code: number | null): void {
    if (!isGoodEnd(code)) {
      this.#diary.violation(`${name} ended with ${code} when it was asked to.`);
    }
  }

  async #weather(link: Link, where: string, random: Random, signal: AbortSignal): Promise<void> {
    const kind = random.pick(['refusing', 'lost', 'held', 'slow'] as const);
    const ms = random.integer(300, kind === 'slow' ? 6000 : LEASE_SECONDS * 2000);
    const delay = random.integer(20, 600);
    this.#diary.fault(
      `network ${kind}`,
      `${where} for ${ms} ms${kind === 'slow' ? `, ${delay} ms a piece` : ''}`,
    );
    link.weather = kind === 'slow' ? { kind, ms: delay } : { kind };
    await pause(ms, signal);
    link.weather = { kind: 'clear' };
  }

  /** Kills the master, or the slave at the other end, in the middle of a certain request. */
  #trap(random: Random, signal: AbortSignal): void {
    const slave = random.pick(this.#world.slaves);
    const request = random.pick([
      'result',
      'prepared',
      'preparation_failed',
      'handback',
      'work',
      'progress',
      'build',
    ]);
    const ms = random.integer(0, 30);
    const victim = request !== 'build' && random.chance(0.4) ? slave : this.#world.master;
    const link = request === 'build' ? this.#world.clientLink : slave.link;
    link.set({
      begins: request === 'build' ? /^(POST|PUT) \/v1\/build/ : new RegExp(`^(POST|PUT) \\S*/${request}\\b`),
      spring: () => {
        if (!signal.aborted && !this.#busy.has(victim)) {
          this.#busy.add(victim);
          const sprung = this.#spring(victim, `${ms} ms after "${request}"`, ms, signal);
          this.#inProgress.push(sprung.finally(() => this.#busy.delete(victim)));
        }
      },
    });
  }

  async #spring(
    victim: SlaveInWorld | Service,
    when: string,
    ms: number,
    signal: AbortSignal,
  ): Promise<void> {
    const service = victim instanceof Service ? victim : victim.service;
    await pause(ms, signal);
    this.#diary.fault('killed during a request', `${service.name} ${when}`);
    await service.kill();
    service.start();
  }

  #mishap(link: Link, where: string, random: Random): void {
    const kind = random.pick(['cut request', 'cut response', 'replay'] as const);
    switch (kind) {
      case 'cut request': {
        const bytes = random.chance(0.5) ? random.integer(1, 1200) : random.integer(1200, 60_000);
        this.#diary.fault('request cut', `on ${where} after ${bytes} bytes`);
        link.happen({ kind, bytes });
        return;
      }
      case 'cut response':
        this.#diary.fault('response cut', `on ${where}`);
        link.happen({ kind });
        return;
      case 'replay': {
        const delayMs = random.integer(0, 2000);
        this.#diary.fault('request replayed', `on ${where} after ${delayMs} ms`);
        link.happen({ kind, delayMs });
      }
    }
  }
}
