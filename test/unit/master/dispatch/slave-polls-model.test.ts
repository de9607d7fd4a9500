import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { pino } from 'pino';
import { newBuild } from '../../../../src/domain/build-state.js';
import { BuildWork } from '../../../../src/domain/build-work.js';
import { SlavePolls, type WorkSource } from '../../../../src/master/dispatch/slave-polls.js';
import type { TakenWork } from '../../../../src/master/leases/lease-lifecycle.js';
import { ActiveBuild } from '../../../../src/master/state/active-build.js';
import { SubjobLease } from '../../../../src/master/state/active-lease.js';
import { RegisteredSlave } from '../../../../src/master/state/registered-slave.js';
import { ClusterRunnerError } from '../../../../src/protocol/errors.js';
import { type BuildId, type LeaseId, type SlaveId, toId } from '../../../../src/protocol/ids.js';
import type {
  Assignment,
  LeaseRef,
  WorkRequest,
  WorkResponse,
} from '../../../../src/protocol/slave/slave-messages.js';
import { ManualClock } from '../../../support/manual-clock.js';

const EXECUTORS = 2;
/** As many as a slave of this program keeps open at once, and one more. */
const MAX_OPEN = 3;
const LEASE_MS = 20_000;
/** A slave with leases must be heard so often. */
const SILENCE_MS = 2000;

/** Work without a scheduler: subjobs of builds in a queue, and leases whose commits the test lets through. */
class FakeSource implements WorkSource {
  readonly slaves = new Map<SlaveId, RegisteredSlave>();
  readonly builds: readonly ActiveBuild[];
  readonly ended = new Set<BuildId>();
  readonly interrupted = new Set<BuildId>();
  readonly held = new Map<LeaseId, SubjobLease>();
  readonly uncommitted = new Set<LeaseId>();
  /** All leases that were ever taken. */
  readonly taken: SubjobLease[] = [];
  queue: ActiveBuild[] = [];
  workAppeared: () => void = () => undefined;
  returned: (lease: SubjobLease) => void = () => undefined;
  /** Subjobs that ended with their build. */
  numEnded = 0;
  /** Calls that let the commits of taken leases through. */
  commits: (() => void)[] = [];
  readonly #clock: ManualClock;
  readonly #heardAt = new Map<RegisteredSlave, number>();
  #leases = 0;

  constructor(builds: number, clock: ManualClock) {
    this.#clock = clock;
    const request = { type: 'directory', project_directory: '/p' } as const;
    const project = request;
    this.builds = Array.from({ length: builds }, (_, n) => {
      const id = toId.build(n + 1);
      return new ActiveBuild({ id, work: new BuildWork(id, newBuild(0)), request, project, remoteFiles: [] });
    });
  }

  contact(id: SlaveId): RegisteredSlave {
    const slave = this.slaves.get(id);
    if (slave === undefined || slave.state === 'GONE') {
      throw new ClusterRunnerError('SLAVE_UNKNOWN', 'Register again.');
    }
    this.hear(slave);
    return slave;
  }

  hear(slave: RegisteredSlave): void {
    this.#heardAt.set(slave, this.#clock.monotonic());
  }

  silenceOf(slave: RegisteredSlave): number {
    return this.#clock.monotonic() - (this.#heardAt.get(slave) ?? 0);
  }

  /** Whether the slave must poll again to show that it is still there. */
  isTooSilent(slave: RegisteredSlave): boolean {
    return this.leasesOf(slave).length > 0 && this.silenceOf(slave) >= SILENCE_MS;
  }

  record(): void {
    // Conditions and progress do not matter here.
  }

  take(slave: RegisteredSlave, { free_executors }: WorkRequest): TakenWork | null {
    const isAble = slave.state === 'CONNECTED' && !slave.isDraining;
    const leases = this.queue.splice(0, isAble ? free_executors : 0).map((build) => {
      this.#leases += 1;
      const id = toId.lease(this.#leases);
      const facts = { id, attempt: 1, build, slave, token: '', takenAt: 0, tookAt: 0, hasBegun: false };
      const subjob = toId.subjob(this.#leases);
      return new SubjobLease(facts, { subjob, executorIndex: 0, setupNeeded: 'nothing', isDuplicate: false });
    });
    for (const lease of leases) {
      this.held.set(lease.id, lease);
      this.uncommitted.add(lease.id);
      this.taken.push(lease);
    }
    const committed = new Promise<void>((resolve) => {
      this.commits.push(() => {
        leases.forEach(({ id }) => void this.uncommitted.delete(id));
        resolve();
      });
    });
    return leases.length === 0 ? null : { leases, committed };
  }

  hasWork(): boolean {
    return this.queue.length > 0;
  }

  hasRetries(): boolean {
    return false;
  }

  async assignmentOf({ ref, build, subjob }: SubjobLease): Promise<Assignment> {
    return { kind: 'run', lease: ref, build_id: build.id, subjob_id: subjob } as Assignment;
  }

  leasesOf(slave: RegisteredSlave): SubjobLease[] {
    return [...this.held.values()].filter((lease) => lease.slave === slave);
  }

  isHeld(lease: SubjobLease): boolean {
    return this.held.has(lease.id);
  }

  returnLeases(leases: readonly SubjobLease[]): void {
    for (const lease of leases) {
      must(this.held.delete(lease.id), 'a lease is returned once');
      this.queue.push(lease.build);
      this.returned(lease);
    }
    this.workAppeared();
  }

  statusOf({ lease_id }: LeaseRef): 'held' | 'interrupted' | 'over' {
    const lease = this.held.get(lease_id);
    return lease === undefined ? 'over' : this.interrupted.has(lease.build.id) ? 'interrupted' : 'held';
  }

  isUnneeded(build: BuildId): boolean {
    return this.ended.has(build);
  }

  release(): void {
    // There is no setup to forget.
  }

  /** The notifications that a slave that sends this must get. */
  newsOf({ leases, builds }: WorkRequest) {
    const withStatus = (status: ReturnType<FakeSource['statusOf']>) =>
      leases.filter((ref) => this.statusOf(ref) === status).map(({ lease_id }) => lease_id);
    const unneeded = builds.filter((build) => this.isUnneeded(build));
    return { over: withStatus('over'), interrupted: withStatus('interrupted'), unneeded };
  }

  /** The build ends, and every lease and queued subjob of it. */
  end(build: BuildId): void {
    this.ended.add(build);
    const before = this.queue.length + this.held.size;
    this.queue = this.queue.filter(({ id }) => id !== build);
    for (const lease of [...this.held.values()].filter((one) => one.build.id === build)) {
      this.held.delete(lease.id);
    }
    this.numEnded += before - this.queue.length - this.held.size;
  }
}

function must(isSo: boolean, what: string): void {
  if (!isSo) {
    throw new Error(`Not so: ${what}.`);
  }
}

type Notified = 'cancel' | 'interrupt' | 'release';

interface Poll {
  readonly request: WorkRequest;
  readonly client: AbortController;
  readonly deadline: number;
  /** Leases that were on their way when it was sent: it asks for so much less. */
  counted: readonly SubjobLease[];
  /** How many leases were committed before. */
  readonly committed: number;
  response: WorkResponse | 'refused' | null;
}

/** A slave as it sees itself. */
interface Slave {
  readonly entry: RegisteredSlave;
  polls: number;
  /** The last poll before it left. */
  left: number;
  readonly leases: Map<LeaseId, LeaseRef>;
  readonly builds: Set<BuildId>;
  /** Polls whose responses it awaits, by their numbers. */
  readonly open: Map<number, Poll>;
  /** The notifications that it got, and whose subjects it still names. */
  readonly notified: Record<Notified, Set<number>> & { drain: boolean };
  /** Leases in responses that did not arrive, which its next poll will show. */
  readonly lost: Set<LeaseId>;
}

/** The slaves' side of everything; the commands change it together with the real class. */
class World {
  readonly clock = new ManualClock();
  readonly source = new FakeSource(3, this.clock);
  readonly polls = new SlavePolls(this.source, this.clock, pino({ level: 'silent' }), {
    leaseMs: LEASE_MS,
    silenceMs: () => SILENCE_MS,
  });
  readonly slaves: Slave[];
  readonly sent = new Set<LeaseId>();
  readonly acknowledged = new Set<LeaseId>();
  isClosed = false;
  /** Errors in responses, which come between commands. */
  readonly #failures: unknown[] = [];
  added = 0;
  finished = 0;

  constructor(slaves: number) {
    this.source.workAppeared = () => this.polls.workAppeared();
    this.source.returned = ({ id, slave: entry }) => {
      const slave = this.slaves.find((one) => one.entry === entry);
      const isAwaited = slave !== undefined && (slave.leases.has(id) || sentTo(slave).has(id));
      must(
        !isAwaited || entry.state === 'GONE',
        'no lease is returned that has reached its slave, or may still',
      );
    };
    this.slaves = Array.from({ length: slaves }, (_, n) => {
      const id = toId.slave(n + 1);
      const status = { state: 'CONNECTED', changedAt: 0, isDraining: false } as const;
      const entry = new RegisteredSlave({ id, instance: `${n}` }, facts, status, 0, 0);
      this.source.slaves.set(id, entry);
      const notified = { cancel: new Set(), interrupt: new Set(), release: new Set(), drain: false };
      const [leases, builds, open, lost] = [new Map(), new Set<BuildId>(), new Map(), new Set<LeaseId>()];
      return { entry, polls: 0, left: 0, leases, builds, open, notified, lost } as Slave;
    });
  }

  /** The slave makes a poll, and sends it now or later. */
  prepare(slave: Slave, waitSeconds: number): Poll {
    slave.polls += 1;
    const request: WorkRequest = {
      instance: slave.entry.instance,
      free_executors: Math.max(0, EXECUTORS - slave.leases.size),
      wait_seconds: waitSeconds,
      leases: [...slave.leases.values()],
      poll: slave.polls,
      open_polls: [...slave.open.keys()],
      builds: [...slave.builds],
    };
    const deadline = this.clock.monotonic() + Math.min(waitSeconds * 1000, LEASE_MS / 2);
    const committed = this.source.taken.length - this.source.uncommitted.size;
    const poll: Poll = {
      request,
      client: new AbortController(),
      deadline,
      counted: [],
      committed,
      response: null,
    };
    slave.open.set(slave.polls, poll);
    return poll;
  }

  send(slave: Slave, poll: Poll): void {
    const { request } = poll;
    const responded = this.polls.poll(slave.entry.id, request, poll.client.signal);
    responded
      .then(
        (response) => {
          poll.response = response;
          this.#check(slave, poll, response);
        },
        () => {
          poll.response = 'refused';
        },
      )
      .catch((error: unknown) => this.#failures.push(error));
    if (request.poll < slave.polls) {
      return;
    }
    poll.counted = this.source.leasesOf(slave.entry).filter(({ id }) => !slave.leases.has(id));
    if (slave.entry.state === 'CONNECTED') {
      slave.lost.clear();
      retain(
        slave.notified.cancel,
        request.leases.map(({ lease_id }) => lease_id),
      );
      retain(
        slave.notified.interrupt,
        request.leases.map(({ lease_id }) => lease_id),
      );
      retain(slave.notified.release, request.builds);
    }
  }

  /** The slave does not get the response, or gives up waiting for it. */
  lose(slave: Slave, poll: Poll): void {
    slave.open.delete(poll.request.poll);
    poll.client.abort();
    for (const { lease } of assignmentsOf(poll)) {
      slave.lost.add(lease.lease_id);
    }
  }

  /** Checks the rules for every response, at the moment in which it is given. */
  #check(slave: Slave, { request, client, deadline, committed }: Poll, response: WorkResponse): void {
    const { source } = this;
    const { assignments, cancel, interrupt = [], release, drain } = response;
    must(!client.signal.aborted || assignments.length === 0, 'a client that is gone gets no lease');
    for (const { lease } of assignments) {
      must(!this.sent.has(lease.lease_id), 'a lease is sent in one response');
      must(source.held.has(lease.lease_id), 'no lease is sent that is over');
      must(!source.uncommitted.has(lease.lease_id), 'no lease is sent before it is committed');
      this.sent.add(lease.lease_id);
    }
    const isCurrent = request.poll === slave.polls && request.poll > slave.left;
    if (!isCurrent || client.signal.aborted) {
      must(cancel.length + interrupt.length + release.length === 0 && !drain, 'old polls notify of nothing');
      return;
    }
    const { over, interrupted, unneeded } = source.newsOf(request);
    must(
      includes(
        cancel.map(({ lease_id }) => lease_id),
        over,
      ),
      'each response names leases that are over',
    );
    must(
      includes(
        interrupt.map(({ lease_id }) => lease_id),
        interrupted,
      ),
      'and those that are interrupted',
    );
    must(includes(release, unneeded), 'and builds that are unneeded');
    must(
      cancel.every((ref) => source.statusOf(ref) === 'over'),
      'and no other',
    );
    must(drain === slave.entry.isDraining, 'a draining slave is notified to leave');
    const isFresh =
      over.some((id) => !slave.notified.cancel.has(id) && !this.acknowledged.has(id)) ||
      !includes(slave.notified.interrupt, interrupted) ||
      !includes(slave.notified.release, unneeded) ||
      cancel.length + interrupt.length > over.length + interrupted.length ||
      release.length > unneeded.length ||
      (drain && !slave.notified.drain);
    must(
      assignments.length > 0 ||
        isFresh ||
        this.clock.monotonic() >= deadline ||
        source.isTooSilent(slave.entry) ||
        !this.#hasCome(source.taken.slice(committed).filter((lease) => lease.slave === slave.entry)) ||
        this.isClosed,
      'a poll is held until there is something to say',
    );
    over.forEach((id) => void slave.notified.cancel.add(id));
    interrupted.forEach((id) => void slave.notified.interrupt.add(id));
    unneeded.forEach((id) => void slave.notified.release.add(id));
    slave.notified.drain = drain;
  }

  #hasCome(counted: readonly SubjobLease[]): boolean {
    return counted.every(({ id }) => this.sent.has(id) || this.source.held.has(id));
  }

  /** Checks the invariants between two commands. */
  expectSound(): void {
    for (const failure of this.#failures) {
      throw failure;
    }
    const { source, slaves, polls } = this;
    const ended = source.numEnded;
    must(source.queue.length + source.held.size + this.finished + ended === this.added, 'no work is lost');
    must(polls.numHeld <= slaves.length, 'at most one poll of each slave is held');
    for (const slave of slaves) {
      const waiting = [...slave.open.values()].filter(({ response }) => response === null);
      const leases = source.leasesOf(slave.entry);
      const assigning = leases.filter(({ id }) => source.uncommitted.has(id));
      const isCommitting = source.uncommitted.size > 0;
      must(waiting.length <= source.uncommitted.size + 1, 'a newer poll replaces the older ones');
      const sent = sentTo(slave);
      must(leases.length <= EXECUTORS, 'a slave holds no more leases than it has executors');
      for (const { id } of leases) {
        const isSomewhere = slave.leases.has(id) || sent.has(id) || slave.lost.has(id);
        must(isSomewhere || source.uncommitted.has(id), `lease ${id} is known, on its way, or was just lost`);
      }
      must(
        !source.isTooSilent(slave.entry) || waiting.length === 0 || isCommitting,
        'a slave is heard often',
      );
      const isOpen = polls.hasOpenPoll(slave.entry);
      must(isOpen || waiting.length === 0, 'a poll is open until its response');
      must(!isOpen || waiting.length > 0 || isCommitting, 'a poll is not open after its response');
      const [held, ...others] = waiting;
      if (source.uncommitted.size === 0 && held !== undefined) {
        must(others.length === 0 && held.request.poll === slave.polls, 'only the newest poll is held');
        must(assigning.length === 0 && held.deadline > this.clock.monotonic(), 'a poll is held for its time');
        this.#expectNothingToSay(slave, held);
      }
    }
  }

  #expectNothingToSay({ entry, notified }: Slave, { request, counted }: Poll): void {
    const { source } = this;
    const { over, interrupted, unneeded } = source.newsOf(request);
    must(entry.state === 'CONNECTED' && (!entry.isDraining || notified.drain), 'a slave hears of its drain');
    must(
      over.every((id) => notified.cancel.has(id) || this.acknowledged.has(id)),
      'a slave hears at once of a lease that is over',
    );
    must(includes(notified.interrupt, interrupted), 'a slave hears at once of a lease that is interrupted');
    must(includes(notified.release, unneeded), 'a slave hears at once of a build that needs it no more');
    must(this.#hasCome(counted), 'a poll that counts on leases which do not come ends');
    const isHungry = request.free_executors > counted.length && !entry.isDraining;
    must(!isHungry || source.queue.length === 0, 'a slave that waits gets the work that there is');
  }
}

const facts = { name: 'slave', url: null, numExecutors: EXECUTORS, version: '1' };

function assignmentsOf({ response }: Poll): readonly Assignment[] {
  return response === null || response === 'refused' ? [] : response.assignments;
}

function sentTo({ open }: Slave): Set<LeaseId> {
  return new Set([...open.values()].flatMap(assignmentsOf).map(({ lease }) => lease.lease_id));
}

function includes(all: Iterable<number>, some: readonly number[]): boolean {
  const set = new Set(all);
  return some.every((one) => set.has(one));
}

function retain(set: Set<number>, kept: readonly number[]): void {
  for (const id of [...set].filter((one) => !kept.includes(one))) {
    set.delete(id);
  }
}

/** Lets happen what can happen without a command. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 4; turns += 1) {
    await turn();
  }
}

type Model = Record<string, never>;

/** Does something to the slave, the poll or the build that two numbers stand for; left out where it cannot be done. */
class Command implements fc.AsyncCommand<Model, World> {
  readonly #name: string;
  readonly #numbers: readonly [number, number];
  readonly #act: (world: World, one: number, two: number) => void;

  constructor(
    name: string,
    numbers: readonly [number, number],
    act: (world: World, one: number, two: number) => void,
  ) {
    this.#name = name;
    this.#numbers = numbers;
    this.#act = act;
  }

  check(): boolean {
    return true;
  }

  async run(_: Model, world: World): Promise<void> {
    this.#act(world, ...this.#numbers);
    await settle();
    world.expectSound();
  }

  toString(): string {
    return `${this.#name}(${this.#numbers.join(', ')})`;
  }
}

function pick<T>(list: readonly T[], number: number): T | undefined {
  return list[number % Math.max(1, list.length)];
}

const withSlave =
  (act: (world: World, slave: Slave, two: number) => void) => (world: World, one: number, two: number) => {
    const slave = pick(world.slaves, one);
    if (slave !== undefined) {
      act(world, slave, two);
    }
  };

const withBuild =
  (act: (world: World, build: ActiveBuild, two: number) => void) =>
  (world: World, one: number, two: number) => {
    const build = pick(world.source.builds, one);
    if (build !== undefined && !world.source.ended.has(build.id)) {
      act(world, build, two);
    }
  };

const actions = {
  poll: withSlave((world, slave, wait) => {
    if (slave.open.size < MAX_OPEN) {
      world.send(slave, world.prepare(slave, wait * 3));
    }
  }),
  overtake: withSlave((world, slave, wait) => {
    if (slave.open.size + 1 < MAX_OPEN) {
      const late = world.prepare(slave, wait * 3);
      world.send(slave, world.prepare(slave, wait * 3));
      world.send(slave, late);
    }
  }),
  /** The slave gets a response, and acts on its notifications: at once, or not before it gets them again. */
  deliver: withSlave((_, slave, number) => {
    const poll = pick(
      [...slave.open.values()].filter(({ response }) => response !== null),
      number >> 1,
    );
    if (poll === undefined || poll.response === null) {
      return;
    }
    slave.open.delete(poll.request.poll);
    if (poll.response === 'refused') {
      return;
    }
    for (const { lease, build_id } of poll.response.assignments) {
      slave.leases.set(lease.lease_id, lease);
      if (number % 3 > 0) {
        slave.builds.add(build_id);
      }
    }
    if (number % 2 === 0) {
      poll.response.cancel.forEach(({ lease_id }) => void slave.leases.delete(lease_id));
      poll.response.release.forEach((build) => void slave.builds.delete(build));
    }
  }),
  lose: withSlave((world, slave, number) => {
    const poll = pick([...slave.open.values()], number);
    if (poll !== undefined) {
      world.lose(slave, poll);
    }
  }),
  work: withBuild((world, build, number) => {
    const subjobs = 1 + (number % 3);
    world.added += subjobs;
    world.source.queue.push(...Array<ActiveBuild>(subjobs).fill(build));
    world.polls.workAppeared();
  }),
  commit: (world: World) => world.source.commits.splice(0).forEach((commit) => void commit()),
  finish: withSlave((world, slave, number) => {
    const lease = pick(
      world.source.leasesOf(slave.entry).filter(({ id }) => slave.leases.has(id)),
      number,
    );
    if (lease !== undefined) {
      world.source.held.delete(lease.id);
      world.polls.resultAcknowledged(lease);
      world.acknowledged.add(lease.id);
      world.finished += 1;
      slave.leases.delete(lease.id);
    }
  }),
  interrupt: withBuild((world, { id }) => {
    world.source.interrupted.add(id);
    world.polls.buildChanged(id);
  }),
  end: withBuild((world, { id }) => {
    world.source.end(id);
    world.polls.buildChanged(id);
  }),
  drain: withSlave((world, { entry }) => {
    entry.drain();
    world.polls.slaveChanged(entry);
  }),
  hear: withSlave((world, { entry }) => world.source.hear(entry)),
  leave: withSlave((world, slave) => {
    if (slave.entry.state === 'CONNECTED') {
      slave.entry.leave(0);
      slave.left = slave.polls;
      world.source.returnLeases(world.source.leasesOf(slave.entry));
      world.polls.slaveLeft(slave.entry);
    }
  }),
  rejoin: withSlave((_, { entry }) => entry.registerAgain(facts, 0)),
  pass: (world: World, seconds: number) => world.clock.advance(1000 * seconds),
};

/** Rare events are rare here too, so that most runs get far. */
const weights: Record<keyof typeof actions, number> = {
  poll: 8,
  overtake: 1,
  deliver: 9,
  lose: 2,
  work: 6,
  commit: 6,
  finish: 4,
  interrupt: 1,
  end: 1,
  drain: 1,
  hear: 1,
  leave: 1,
  rejoin: 2,
  pass: 2,
};

const commands = Object.entries(actions).flatMap(([name, act]) => {
  const weight = weights[name as keyof typeof actions];
  const command = fc.tuple(fc.nat(11), fc.nat(11)).map((numbers) => new Command(name, numbers, act));
  return Array<typeof command>(weight).fill(command);
});

describe('the polls of slaves, against a model', () => {
  it('deliver each lease once or return it, and notify at once of whatever a slave must hear', async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.commands(commands, { maxCommands: 80, size: 'max' }),
        async (slaves, run) => {
          const world = new World(slaves);
          await fc.asyncModelRun(() => ({ model: {}, real: world }), run);
          world.isClosed = true;
          world.polls.close();
          actions.commit(world);
          await settle();
          const open = world.slaves.flatMap((slave) => [...slave.open.values()]);
          world.expectSound();
          must(open.every(({ response }) => response !== null) && world.polls.numHeld === 0, 'all polls end');
        },
      ),
      { numRuns: 300 },
    );
  });
});
