import { setMaxListeners } from 'node:events';
import { Value } from '@sinclair/typebox/value';
import { expect } from 'chai';
import fc from 'fast-check';
import { pino } from 'pino';
import { ClusterRunnerError } from '../../../../src/protocol/errors.js';
import { type LeaseId, type SlaveId, toId } from '../../../../src/protocol/ids.js';
import { withPendingAssignments } from '../../../../src/protocol/slave/pending-assignments.js';
import {
  type Assignment,
  type LeaseRef,
  type WorkRequest,
  WorkRequestSchema,
  type WorkResponse,
} from '../../../../src/protocol/slave/slave-messages.js';
import { type LinkTarget, MAX_OPEN_POLLS, MasterLink } from '../../../../src/slave/link/master-link.js';
import { Session } from '../../../../src/slave/link/session.js';
import { noWork } from '../../../support/fake-service.js';
import { ManualClock } from '../../../support/manual-clock.js';

const EXECUTORS = 2;
const HOLD_MS = 25_000;
const RANDOM = 0.5;
const build = toId.build(1);
const refOf = (lease: LeaseId): LeaseRef => ({ lease_id: lease, attempt: toId.attempt(1) });
const unreachable = new ClusterRunnerError('MASTER_UNREACHABLE', 'Cut.');
const turns = async (count = 4) => {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
};

/** A poll on the wire. The slave learns its end when `end` is called. */
interface Call {
  readonly request: WorkRequest;
  state: 'sent' | 'held' | 'responded';
  response: WorkResponse;
  readonly end: (result: WorkResponse | Error) => void;
}

/** Follows the rules of master/dispatch for one slave, on whose calls a network loses and delays what it likes. */
class FakeMaster {
  readonly calls: Call[] = [];
  readonly leases = new Map<LeaseId, { task: number; askedBy: number }>();
  readonly queue: number[] = [];
  /** The end of each task. */
  readonly ended: ('completed' | 'canceled')[] = [];
  /** The latest progress of each atom. */
  readonly progress = new Map<string, number>();
  isAway = false;
  isDraining = false;
  knowsSlave = true;
  #notifiedDrain = false;
  #notifiedOver = new Set<LeaseId>();
  #tasks = 0;
  #leases = 0;
  #lastPoll = 0;
  #open: ReadonlySet<number> = new Set();
  #held: { readonly call: Call; readonly wanted: WorkRequest } | null = null;

  get numTasks(): number {
    return this.#tasks;
  }

  addTask(): void {
    this.queue.push(this.#tasks);
    this.#tasks += 1;
    this.#dispatch();
  }

  /** The build of this lease was canceled. */
  endLease(lease: LeaseId): void {
    const task = this.#drop(lease);
    if (task !== null) {
      this.ended[task] = 'canceled';
      this.#wake();
    }
  }

  complete(lease: LeaseId): void {
    const task = this.#drop(lease);
    if (task !== null) {
      this.ended[task] = 'completed';
    }
  }

  requeue(lease: LeaseId): void {
    const task = this.#drop(lease);
    if (task !== null) {
      this.queue.push(task);
      this.#dispatch();
    }
  }

  drain(): void {
    this.isDraining = true;
    this.#wake();
  }

  /** The slave has stopped: what it never heard of goes to others. */
  goodbye(): void {
    this.calls.length = 0;
    this.#held = null;
    for (const lease of [...this.leases.keys()]) {
      this.requeue(lease);
    }
  }

  /** Started again with its store, or with another one, which knows no slave and no lease. */
  restart(keepsStore: boolean): void {
    this.#held = null;
    this.#lastPoll = 0;
    this.#open = new Set();
    this.#notifiedOver = new Set();
    for (const [lease, { task }] of [...this.leases]) {
      if (keepsStore) {
        this.leases.set(lease, { task, askedBy: 0 });
      } else {
        this.#drop(lease);
        this.queue.push(task);
      }
    }
    this.knowsSlave = keepsStore;
    for (const call of this.calls.filter(({ state }) => state !== 'responded')) {
      this.fail(call, unreachable);
    }
  }

  /** The connection of a call breaks; `notices`: the master sees that nobody waits any more. */
  fail(call: Call, error: Error, notices = true): void {
    if (call === this.#held?.call && notices) {
      this.#held = null;
    }
    this.#end(call, error);
  }

  /** Requests arrive in the order in which they are sent. */
  receive(): void {
    const call = this.calls.find(({ state }) => state === 'sent');
    if (call === undefined || this.isAway) {
      return;
    }
    const { request } = call;
    if (!this.knowsSlave) {
      this.#end(call, new ClusterRunnerError('SLAVE_UNKNOWN', 'Who is it?'));
      return;
    }
    if (request.poll < this.#lastPoll) {
      // Repeated after a registration, and overtaken.
      this.#respond(call, noWork);
      return;
    }
    this.#lastPoll = request.poll;
    this.#open = new Set(request.open_polls);
    for (const { lease, atoms } of request.progress ?? []) {
      for (const { id, actual_time } of atoms) {
        this.progress.set(`${lease.lease_id}/${id}`, actual_time ?? 0);
      }
    }
    const named = new Set(request.leases.map(({ lease_id }) => lease_id));
    const pending: LeaseId[] = [];
    for (const [lease, { askedBy }] of [...this.leases].filter(([one]) => !named.has(one))) {
      if (this.#open.has(askedBy)) {
        pending.push(lease);
      } else {
        this.requeue(lease);
      }
    }
    let wanted = withPendingAssignments(request, pending.map(pendingOf));
    const older = this.#held?.call;
    this.#held = null;
    if (older !== undefined) {
      const taken =
        this.#open.has(older.request.poll) && !this.#hasNews(wanted) ? this.#take(wanted, older) : [];
      this.#respond(older, { ...noWork, assignments: taken });
      wanted = withPendingAssignments(
        wanted,
        taken.map(({ lease }) => pendingOf(lease.lease_id)),
      );
    }
    this.#held = { call, wanted };
    call.state = 'held';
    this.#dispatch();
    this.#wake();
  }

  /** The longest that a poll is held has passed. */
  release(): void {
    if (this.#held !== null) {
      this.#respondToHeld([]);
    }
  }

  #dispatch(): void {
    if (this.#held !== null) {
      const taken = this.#take(this.#held.wanted, this.#held.call);
      if (taken.length > 0) {
        this.#respondToHeld(taken);
      }
    }
  }

  #wake(): void {
    if (this.#held !== null && this.#hasNews(this.#held.wanted)) {
      this.#respondToHeld([]);
    }
  }

  #respondToHeld(assignments: Assignment[]): void {
    if (this.#held !== null) {
      const { call, wanted } = this.#held;
      this.#held = null;
      this.#notifiedDrain = this.isDraining;
      const cancel = wanted.leases.filter(({ lease_id }) => !this.leases.has(lease_id));
      for (const { lease_id } of call.request.leases) {
        if (!this.leases.has(lease_id)) {
          this.#notifiedOver.add(lease_id);
        }
      }
      this.#respond(call, { ...noWork, assignments, cancel, drain: this.isDraining });
    }
  }

  #hasNews({ leases }: WorkRequest): boolean {
    return (
      (this.isDraining && !this.#notifiedDrain) ||
      leases.some(({ lease_id }) => !this.leases.has(lease_id) && !this.#notifiedOver.has(lease_id))
    );
  }

  #take({ free_executors, ahead = 0 }: WorkRequest, { request: { poll } }: Call): Assignment[] {
    return this.isDraining
      ? []
      : this.queue.splice(0, free_executors + ahead).map((task) => {
          this.#leases += 1;
          const lease = toId.lease(this.#leases);
          this.leases.set(lease, { task, askedBy: poll });
          return assignmentOf(lease);
        });
  }

  #drop(lease: LeaseId): number | null {
    const found = this.leases.get(lease);
    this.leases.delete(lease);
    return found?.task ?? null;
  }

  #respond(call: Call, response: WorkResponse): void {
    call.state = 'responded';
    call.response = response;
  }

  #end(call: Call, result: Error): void {
    const at = this.calls.indexOf(call);
    if (at !== -1) {
      this.calls.splice(at, 1);
      call.end(result);
    }
  }
}

const pendingOf = (lease: LeaseId) => ({ lease: refOf(lease), build_id: build });

function assignmentOf(lease: LeaseId): Assignment {
  return {
    kind: 'prepare',
    lease: refOf(lease),
    build_id: build,
    project: { type: 'directory', project_directory: '/project' },
    remote_files: [],
    job_name: null,
    config: null,
    atoms_override: null,
  };
}

/** A real link and session, a slave that runs nothing, and what must hold whatever happens. */
class World implements LinkTarget {
  readonly clock = new ManualClock();
  readonly master = new FakeMaster();
  readonly link: MasterLink;
  readonly leases: LeaseId[] = [];
  wishesAhead = 0;
  drains = 0;
  readonly violations: string[] = [];
  readonly #session: Session;
  readonly #started = new Set<LeaseId>();
  /** Leases that a response has declared over. */
  readonly #over = new Set<LeaseId>();
  /** The latest progress of each atom, and all that some poll with a response has carried. */
  readonly #reported = new Map<string, number>();
  readonly #acknowledged = new Set<string>();
  #reports = 0;
  #lastPoll = 0;
  /** Since a poll has failed: when the next one may be sent. */
  #notBefore: number | null = null;
  #failures = 0;
  /** Polls that the master has refused because it does not know the slave. */
  readonly #unknown = new Set<number>();

  constructor() {
    const shared = { clock: this.clock, random: () => RANDOM, log: pino({ level: 'silent' }) };
    this.#session = new Session({
      masterUrl: 'http://127.0.0.1:1',
      secret: 'a secret of the tests',
      name: 'tester',
      numExecutors: EXECUTORS,
      url: null,
      ...shared,
    });
    this.#session.client.registerSlave = async () => {
      this.master.knowsSlave = true;
      return { slave_id: toId.slave(1), lease_seconds: 60 };
    };
    this.#session.client.askForWork = (_slave: SlaveId, request, options) =>
      this.#call(request, options?.signal ?? new AbortController().signal);
    this.link = new MasterLink({ session: this.#session, target: this, ...shared });
    this.link.update();
  }

  capacity() {
    const held = this.leases.length;
    return {
      free_executors: Math.max(0, EXECUTORS - held),
      ahead: Math.max(0, this.wishesAhead - Math.max(0, held - EXECUTORS)),
      leases: this.leases.map(refOf),
      builds: held === 0 ? [] : [build],
    };
  }

  start({ lease: { lease_id } }: Assignment): void {
    this.#must(!this.#started.has(lease_id), 'a lease is started once');
    this.#must(!this.#over.has(lease_id), 'no lease is started after its end');
    this.#started.add(lease_id);
    this.leases.push(lease_id);
  }

  cancel({ lease_id }: LeaseRef): void {
    this.remove(lease_id);
  }

  interrupt = () => undefined;
  release = () => undefined;

  isIdle(): boolean {
    return this.leases.length === 0;
  }

  drained(): void {
    this.drains += 1;
    this.#must(this.link.isDraining && this.isIdle(), 'drained is called when nothing is left');
    void this.link.stop();
    this.master.goodbye();
  }

  /** The result of a lease is acknowledged, or its return. */
  finish(lease: LeaseId, how: 'complete' | 'requeue'): void {
    if (!this.master.isAway) {
      this.remove(lease);
      this.master[how](lease);
      this.link.progress.end(refOf(lease));
      this.link.update();
    }
  }

  report(lease: LeaseId, atom: number): void {
    this.#reports += 1;
    this.#reported.set(`${lease}/${atom}`, this.#reports);
    const atoms = [
      { id: toId.atom(atom), state: 'IN_PROGRESS' as const, exit_code: null, actual_time: this.#reports },
    ];
    this.link.progress.add({ build_id: build, subjob_id: toId.subjob(0), lease: refOf(lease), atoms });
    this.link.progress.markDue(refOf(lease));
  }

  /** The response of one of the calls to which the master has responded arrives. */
  respond(which: number): void {
    const responded = this.master.calls.filter(({ state }) => state === 'responded');
    const call = responded[which % responded.length];
    if (call === undefined) {
      return;
    }
    this.master.calls.splice(this.master.calls.indexOf(call), 1);
    this.#notBefore = null;
    this.#failures = 0;
    for (const { lease, atoms } of call.request.progress ?? []) {
      for (const { id, actual_time } of atoms) {
        this.#acknowledged.add(`${lease.lease_id}/${id}/${actual_time}`);
      }
    }
    for (const { lease_id } of call.response.cancel) {
      this.#over.add(lease_id);
    }
    call.end(call.response);
  }

  async pass(ms: number): Promise<void> {
    const due = this.#notBefore;
    const newest = this.#lastPoll;
    this.clock.advance(ms);
    await turns();
    if (due !== null && this.clock.monotonic() >= due && this.drains === 0) {
      expect(this.#lastPoll, 'a poll follows the backoff').to.be.greaterThan(newest);
    }
  }

  /** Everything works again: what is on its way arrives, until nothing is left to say. */
  async settle(): Promise<void> {
    this.master.isAway = false;
    for (let rounds = 0; rounds < 20; rounds += 1) {
      for (let steps = 0; steps < 2 * this.master.calls.length + 4; steps += 1) {
        this.master.receive();
        this.respond(0);
        await turns();
      }
      await this.pass(16_000);
      // A lease that ends while its assignment is on its way shows by the next poll only.
      this.master.release();
    }
    for (let steps = 0; this.master.calls.some(({ state }) => state !== 'held'); steps += 1) {
      expect(steps, 'polls that follow each other though nothing has changed').to.be.lessThan(50);
      this.master.receive();
      this.respond(0);
      await turns();
    }
  }

  expectSettled(): void {
    expect(this.violations).to.deep.equal([]);
    const { master, leases } = this;
    const byId = (a: LeaseId, b: LeaseId) => a - b;
    expect([...leases].sort(byId), 'leases').to.deep.equal([...master.leases.keys()].sort(byId));
    const { free_executors, ahead } = this.capacity();
    const isWanted = !this.link.isDraining && !master.isDraining && free_executors + ahead > 0;
    expect(isWanted && master.queue.length > 0, 'work is left, and an executor free').to.equal(false);
    const tasks = [...master.queue, ...[...master.leases.values()].map(({ task }) => task)];
    expect(tasks.length + Object.keys(master.ended).length, 'tasks').to.equal(master.numTasks);
    for (const lease of leases) {
      for (const [key, report] of this.#reported) {
        if (key.startsWith(`${lease}/`)) {
          expect(master.progress.get(key), `progress of ${key}`).to.equal(report);
        }
      }
    }
  }

  async close(): Promise<void> {
    await this.link.stop();
    await this.#session.client.close();
  }

  remove(lease: LeaseId): void {
    const at = this.leases.indexOf(lease);
    if (at !== -1) {
      this.leases.splice(at, 1);
    }
  }

  /** Thrown where the link calls, an error would count as a failed poll. */
  #must(holds: boolean, what: string): void {
    if (!holds) {
      this.violations.push(what);
    }
  }

  #check(request: WorkRequest): void {
    this.#must(request.poll === this.#lastPoll + 1, 'polls are numbered');
    this.#must(Value.Check(WorkRequestSchema, request), 'a poll fits its schema');
    const open = this.master.calls.map((call) => call.request.poll);
    this.#must(
      String(request.open_polls) === String(open.sort((a, b) => a - b)),
      'a poll names the open ones',
    );
    this.#must(open.length < MAX_OPEN_POLLS, 'few polls are open at once');
    this.#must(
      this.clock.monotonic() >= (this.#notBefore ?? 0),
      'no poll is sent before the backoff is over',
    );
    for (const { lease, atoms } of request.progress ?? []) {
      for (const { id, actual_time } of atoms) {
        const key = `${lease.lease_id}/${id}/${actual_time}`;
        this.#must(!this.#acknowledged.has(key), 'progress is not repeated once it is acknowledged');
      }
    }
    this.#lastPoll = request.poll;
    this.#notBefore = null;
  }

  #call(request: WorkRequest, signal: AbortSignal): Promise<WorkResponse> {
    if (!this.#unknown.delete(request.poll)) {
      this.#check(request);
    }
    return new Promise((resolve, reject) => {
      const end = (result: WorkResponse | Error) => {
        if (!(result instanceof Error)) {
          resolve(result);
          return;
        }
        if (result !== unreachable) {
          // The session registers and repeats it; for the link it has not failed.
          this.#unknown.add(request.poll);
        } else if (this.#notBefore === null) {
          const delay = (Math.min(15_000, 250 * 2 ** this.#failures) * (1 + RANDOM)) / 2;
          this.#notBefore = this.clock.monotonic() + delay;
          this.#failures += 1;
        }
        reject(result);
      };
      this.master.calls.push({ request, state: 'sent', response: noWork, end });
      setMaxListeners(0, signal);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }
}

class Step implements fc.AsyncCommand<World, object> {
  readonly #name: string;
  readonly #run: (world: World) => unknown;

  constructor(name: string, run: (world: World) => unknown) {
    this.#name = name;
    this.#run = run;
  }

  check(): boolean {
    return true;
  }

  async run(world: World): Promise<void> {
    await this.#run(world);
    await turns();
    expect(world.violations).to.deep.equal([]);
  }

  toString(): string {
    return this.#name;
  }
}

const any = fc.nat(20);
const always = (name: string, run: (world: World) => unknown) => fc.constant(new Step(name, run));
const one = <T>(arbitrary: fc.Arbitrary<T>, name: string, run: (world: World, value: T) => unknown) =>
  arbitrary.map((value) => new Step(`${name}(${String(value)})`, (world) => run(world, value)));
const withLease = (which: number, world: World, run: (lease: LeaseId) => void) => {
  const lease = world.leases[which % world.leases.length];
  if (lease !== undefined) {
    run(lease);
  }
};

const steps = [
  always('add task', ({ master }) => master.addTask()),
  always('add task', ({ master }) => master.addTask()),
  always('request arrives', ({ master }) => master.receive()),
  always('request arrives', ({ master }) => master.receive()),
  one(any, 'response arrives', (world, which) => world.respond(which)),
  one(any, 'response arrives', (world, which) => world.respond(which)),
  one(any, 'finish', (world, which) => withLease(which, world, (lease) => world.finish(lease, 'complete'))),
  one(any, 'return', (world, which) => withLease(which, world, (lease) => world.finish(lease, 'requeue'))),
  one(any, 'progress', (world, which) => withLease(which, world, (lease) => world.report(lease, which % 2))),
  one(any, 'lease over', ({ master }, which) => {
    const lease = [...master.leases.keys()][which % master.leases.size];
    if (lease !== undefined) {
      master.endLease(lease);
    }
  }),
  one(fc.tuple(any, fc.boolean()), 'break', ({ master }, [which, notices]) => {
    const call = master.calls[which % master.calls.length];
    if (call !== undefined) {
      master.fail(call, unreachable, notices);
    }
  }),
  one(fc.nat(2), 'wish ahead', (world, count) => {
    world.wishesAhead = count;
    world.link.update();
  }),
  one(fc.constantFrom(100, 200, 400, 8_000, HOLD_MS), 'pass', async (world, ms) => {
    await world.pass(ms);
    if (ms === HOLD_MS) {
      world.master.release();
    }
  }),
  one(fc.boolean(), 'restart master, keeping its store', ({ master }, keeps) => master.restart(keeps)),
  one(fc.boolean(), 'master away', ({ master }, isAway) => {
    master.isAway = isAway;
    for (const call of isAway ? [...master.calls] : []) {
      master.fail(call, unreachable);
    }
  }),
];
const drains = [
  always('drain by the slave', ({ link }) => link.drain()),
  always('drain by the master', ({ master }) => master.drain()),
];

async function follow(
  commands: Iterable<fc.AsyncCommand<World, object>>,
  end: (world: World) => Promise<void>,
) {
  const world = new World();
  try {
    await fc.asyncModelRun(() => ({ model: world, real: {} }), commands);
    await world.settle();
    world.expectSettled();
    await end(world);
  } finally {
    await world.close();
  }
}

describe('MasterLink in any order of events, lost and late messages, and restarts of the master', () => {
  it('starts each lease once, drops what is over, polls after the backoff, and loses no work or progress', () =>
    fc.assert(
      fc.asyncProperty(fc.commands(steps, { maxCommands: 80, size: '+1' }), (commands) =>
        follow(commands, async (world) => {
          expect(world.drains).to.equal(0);
          for (let rounds = 0; world.master.queue.length + world.leases.length > 0; rounds += 1) {
            expect(rounds, 'rounds until all is done').to.be.lessThan(100);
            for (const lease of [...world.leases]) {
              world.finish(lease, 'complete');
            }
            await world.settle();
          }
        }),
      ),
      { numRuns: 500 },
    ));

  it('takes no work after a drain, and is drained once when all is finished', () =>
    fc.assert(
      fc.asyncProperty(fc.commands([...steps, ...drains], { maxCommands: 60, size: '+1' }), (commands) =>
        follow(commands, async (world) => {
          world.link.drain();
          await turns();
          world.master.receive();
          const { size } = world.master.leases;
          world.master.addTask();
          expect(world.master.leases.size, 'leases of a slave that takes no more').to.equal(size);
          await world.settle();
          for (const lease of [...world.leases]) {
            world.finish(lease, 'complete');
          }
          await turns();
          expect(world.drains).to.equal(1);
        }),
      ),
      { numRuns: 300 },
    ));
});
