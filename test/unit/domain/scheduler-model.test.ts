import { expect } from 'chai';
import fc from 'fast-check';
import { BuildWork, type ExecutorLimits } from '../../../src/domain/build-work.js';
import { MAX_LOSSES, newTask } from '../../../src/domain/lease.js';
import { type AtomToGroup, groupAtoms } from '../../../src/domain/scheduling/grouping.js';
import { regroup } from '../../../src/domain/scheduling/grouping-plan.js';
import { assignWork, setupExceedsRemaining } from '../../../src/domain/scheduling/scheduler.js';
import { type LeaseId, type SlaveId, type SubjobId, toId } from '../../../src/protocol/ids.js';

/** The expected state of a build, kept beside that of the scheduler. */
interface Expected {
  readonly work: BuildWork;
  readonly atoms: readonly AtomToGroup[];
  /** Atoms of each subjob. */
  readonly members: (readonly number[])[];
  /** How often each atom got its verdict. */
  readonly verdicts: number[];
}

interface Run {
  readonly build: Expected;
  readonly subjob: SubjobId;
  readonly lease: LeaseId;
  readonly slave: SlaveId;
  readonly executorIndex: number;
}

class Model {
  readonly builds: Expected[] = [];
  /** Free executors of those that are connected. */
  readonly slaves = new Map<SlaveId, { executors: number; free: number }>();
  /** Those of them that get nothing, and whose work may start elsewhere too. */
  readonly suspects = new Set<SlaveId>();
  running: Run[] = [];
  now = 0;
  stragglers = 0;
  takenOver = 0;
  #leases = 0;
  #slaves = 0;

  nextLease(): LeaseId {
    this.#leases += 1;
    return toId.lease(this.#leases);
  }

  nextSlave(): SlaveId {
    this.#slaves += 1;
    return toId.slave(this.#slaves);
  }

  get executors(): number {
    return [...this.slaves.values()].reduce((sum, { executors }) => sum + executors, 0);
  }
}

/** The scheduler has no state of its own: what is real is in the builds that it is given. */
type Real = Record<string, never>;

abstract class Step implements fc.Command<Model, Real> {
  abstract run(model: Model): void;
  abstract toString(): string;
  check(_: Readonly<Model>): boolean {
    return true;
  }
}

class Arrive extends Step {
  readonly #atoms: readonly Omit<AtomToGroup, 'index'>[];
  readonly #limits: ExecutorLimits;
  readonly #priority: number;

  constructor(atoms: readonly Omit<AtomToGroup, 'index'>[], limits: ExecutorLimits, priority: number) {
    super();
    this.#atoms = atoms;
    this.#limits = limits;
    this.#priority = priority;
  }

  run(model: Model): void {
    const id = toId.build(model.builds.length + 1);
    const work = new BuildWork(
      id,
      { state: 'BUILDING', timestamps: { BUILDING: model.now } },
      newTask('preparation'),
      this.#priority,
    );
    const atoms = this.#atoms.map((atom, index) => ({ ...atom, index }));
    const groups = groupAtoms(atoms, model.executors);
    work.setSubjobs(
      groups.map((group) => ({ ...group, atoms: group.atoms.length, task: newTask('subjob') })),
      this.#limits,
      { executors: Math.max(1, model.executors), assumed: null },
    );
    const members = groups.map((group) => group.atoms);
    model.builds.push({ work, atoms, members, verdicts: atoms.map(() => 0) });
    expectSound(model);
  }

  toString(): string {
    return `arrive(${JSON.stringify([this.#atoms, this.#limits, this.#priority])})`;
  }
}

class Join extends Step {
  readonly #executors: number;

  constructor(executors: number) {
    super();
    this.#executors = executors;
  }

  run(model: Model): void {
    model.slaves.set(model.nextSlave(), { executors: this.#executors, free: this.#executors });
    regroupAll(model);
    expectSound(model);
  }

  toString(): string {
    return `join(${this.#executors})`;
  }
}

class Leave extends Step {
  readonly #which: number;
  readonly #how: 'returned' | 'lost';

  constructor(which: number, how: 'returned' | 'lost') {
    super();
    this.#which = which;
    this.#how = how;
  }

  override check({ slaves }: Readonly<Model>): boolean {
    return slaves.size > 0;
  }

  run(model: Model): void {
    const slave = [...model.slaves.keys()][this.#which % model.slaves.size];
    if (slave === undefined) {
      return;
    }
    model.slaves.delete(slave);
    trust(model, slave);
    for (const run of model.running.filter((one) => one.slave === slave)) {
      end(model, run, this.#how);
    }
    regroupAll(model);
    expectSound(model);
  }

  toString(): string {
    return `leave(${this.#which}, ${this.#how})`;
  }
}

class Ask extends Step {
  readonly #which: number;

  constructor(which: number) {
    super();
    this.#which = which;
  }

  override check({ slaves }: Readonly<Model>): boolean {
    return slaves.size > 0;
  }

  run(model: Model): void {
    ask(model, [...model.slaves.keys()][this.#which % model.slaves.size]);
    expectSound(model);
  }

  toString(): string {
    return `ask(${this.#which})`;
  }
}

/** A slave is not heard of for a moment. */
class Suspect extends Step {
  readonly #which: number;

  constructor(which: number) {
    super();
    this.#which = which;
  }

  override check({ slaves }: Readonly<Model>): boolean {
    return slaves.size > 0;
  }

  run(model: Model): void {
    const slave = [...model.slaves.keys()][this.#which % model.slaves.size];
    if (slave !== undefined) {
      model.suspects.add(slave);
      for (const { work } of model.builds) {
        work.suspect(slave);
      }
    }
    expectSound(model);
  }

  toString(): string {
    return `suspect(${this.#which})`;
  }
}

class Trust extends Step {
  readonly #which: number;

  constructor(which: number) {
    super();
    this.#which = which;
  }

  override check({ suspects }: Readonly<Model>): boolean {
    return suspects.size > 0;
  }

  run(model: Model): void {
    trust(model, [...model.suspects][this.#which % model.suspects.size]);
    expectSound(model);
  }

  toString(): string {
    return `trust(${this.#which})`;
  }
}

class Begin extends Step {
  readonly #which: number;

  constructor(which: number) {
    super();
    this.#which = which;
  }

  override check({ running }: Readonly<Model>): boolean {
    return running.length > 0;
  }

  run({ running, now }: Model): void {
    const run = running[this.#which % running.length];
    run?.build.work.noteBegan(run.subjob, run.lease, now);
    run?.build.work.setup.learn(this.#which, this.#which % 2 === 0 ? 'everything' : 'setup');
  }

  toString(): string {
    return `begin(${this.#which})`;
  }
}

class Deliver extends Step {
  readonly #which: number;
  readonly #seconds: number;
  /** Its first atom, which runs again. */
  readonly #fails: boolean;

  constructor(which: number, seconds: number, fails: boolean) {
    super();
    this.#which = which;
    this.#seconds = seconds;
    this.#fails = fails;
  }

  override check({ running }: Readonly<Model>): boolean {
    return running.length > 0;
  }

  run(model: Model): void {
    const run = model.running[this.#which % model.running.length];
    if (run !== undefined) {
      end(model, run, 'completed', this.#seconds);
      if (this.#fails) {
        retryFirst(run);
      }
      regroupAll(model);
    }
    expectSound(model);
  }

  toString(): string {
    return `deliver(${this.#which}, ${this.#seconds}, ${this.#fails})`;
  }
}

class Pass extends Step {
  readonly #seconds: number;

  constructor(seconds: number) {
    super();
    this.#seconds = seconds;
  }

  run(model: Model): void {
    model.now += this.#seconds;
  }

  toString(): string {
    return `pass(${this.#seconds})`;
  }
}

function trust({ builds, suspects }: Model, slave: SlaveId | undefined): void {
  if (slave !== undefined && suspects.delete(slave)) {
    for (const { work } of builds) {
      work.trust(slave);
    }
  }
}

/** The subjobs of a build that only a suspect slave runs. */
function inDoubt({ running, suspects }: Model, build: Expected): Run[] {
  const mine = running.filter((run) => run.build === build);
  return mine.filter(
    ({ subjob, slave }) => suspects.has(slave) && mine.filter((run) => run.subjob === subjob).length === 1,
  );
}

function ask(model: Model, slave: SlaveId | undefined): number {
  const entry = slave === undefined ? undefined : model.slaves.get(slave);
  if (slave === undefined || entry === undefined || model.suspects.has(slave)) {
    return 0;
  }
  const view = {
    builds: model.builds.map(({ work }) => work),
    nextLease: () => model.nextLease(),
    steady: model.now,
  };
  const keyOf = ({ build, subjob }: Run) => `${build.work.id}/${subjob}`;
  const before = new Set(model.running.map(keyOf));
  const doubtful = new Set(model.builds.flatMap((build) => inDoubt(model, build).map(keyOf)));
  const choices = assignWork(view, slave, entry.free, model.now);
  expect(choices.length).to.be.at.most(entry.free);
  for (const choice of choices) {
    const build = model.builds[choice.build.id - 1];
    if (choice.kind !== 'subjob' || build === undefined) {
      throw new Error('Only subjobs of builds that are there can be given.');
    }
    const { subjob, executorIndex, isDuplicate } = choice;
    const key = `${choice.build.id}/${subjob}`;
    expect(before.has(key), `${key} is given twice`).to.equal(isDuplicate);
    const { limits, queued } = choice.build;
    const isTakenOver = isDuplicate && doubtful.has(key);
    expect(!isTakenOver || limits.speculative !== false).to.equal(true);
    if (isDuplicate && !isTakenOver) {
      expect(limits.speculative).to.equal(true);
      expect(queued, 'subjobs that wait while a straggler is duplicated').to.equal(0);
    }
    before.add(key);
    entry.free -= 1;
    model.stragglers += isDuplicate && !isTakenOver ? 1 : 0;
    model.takenOver += isTakenOver ? 1 : 0;
    model.running.push({ build, subjob, lease: choice.lease, slave, executorIndex });
  }
  for (const build of entry.free === 0 ? [] : model.builds) {
    expectTakenOver(build, slave);
  }
  return choices.length;
}

/** With an executor left, the slave has got everything in doubt that the build may have there. */
function expectTakenOver({ work }: Expected, slave: SlaveId): void {
  const { limits, running, inDoubt } = work;
  const mayHoldMore = running < limits.maxExecutors && work.runningOn(slave) < limits.maxExecutorsPerSlave;
  must(
    !mayHoldMore || setupExceedsRemaining(work, slave) || inDoubt === 0,
    'work in doubt starts on any slave that may run it',
  );
}

function end(model: Model, run: Run, how: 'completed' | 'returned' | 'lost', seconds = 0): void {
  const { build, subjob, lease } = run;
  const isLost = how === 'lost';
  const task = build.work.endLease(
    { kind: 'subjob', subjob },
    lease,
    isLost ? { kind: how, slaveName: 's' } : { kind: how },
    seconds,
  );
  const isOver = (one: Run) =>
    one === run || (task.state === 'done' && one.build === build && one.subjob === subjob);
  for (const one of model.running.filter(isOver)) {
    const entry = model.slaves.get(one.slave);
    if (entry !== undefined) {
      entry.free += 1;
    }
  }
  model.running = model.running.filter((one) => !isOver(one));
  if (task.state === 'done') {
    expect(task.ending === 'delivered' || task.losses.length >= MAX_LOSSES).to.equal(true);
    for (const atom of build.members[subjob] ?? []) {
      build.verdicts[atom] = (build.verdicts[atom] ?? 0) + 1;
    }
  }
}

/** The first atom of a subjob that is done gets another subjob. */
function retryFirst({ build, subjob, slave }: Run): void {
  const { work, members, verdicts } = build;
  const [failed, ...rest] = members[subjob] ?? [];
  const [id] = work.addRetries([{ expected: 1, stdDev: 0 }], slave);
  if (failed !== undefined && id !== undefined) {
    members[subjob] = rest;
    members[id] = [failed];
    verdicts[failed] = 0;
  }
}

function regroupAll({ builds, executors }: Model): void {
  for (const { work, atoms, members } of builds) {
    if (!work.needsRegrouping(executors)) {
      continue;
    }
    const { waiting } = work;
    const before = new Set(waiting);
    const touched = members.filter((_, id) => !before.has(toId.subjob(id)));
    const those = new Set(waiting.flatMap((id) => members[id] ?? []));
    const plan = work.planFor(executors);
    const regrouped = regroup(
      atoms.filter(({ index }) => those.has(index)),
      waiting,
      members.length,
      plan,
    );
    members.length -= regrouped.dropped.length;
    for (const group of regrouped.groups) {
      members[group.id] = group.atoms;
    }
    work.replaceWaiting(regrouped, plan);
    const untouched = new Set(work.waiting);
    const kept = members.filter((_, id) => !untouched.has(toId.subjob(id)));
    must(
      kept.every((one, place) => one === touched[place]),
      'what was given once is left as it is',
    );
    expect(work.needsRegrouping(executors), 'regrouped for nothing').to.equal(false);
  }
}

/** Said after every step of every run, so it is said without chai. */
function must(isSo: boolean, what: string): void {
  if (!isSo) {
    throw new Error(`Not so: ${what}.`);
  }
}

function expectSound(model: Model): void {
  const { builds, running, slaves } = model;
  for (const { free, executors } of slaves.values()) {
    must(free >= 0 && free <= executors, 'a slave is given no more than it has executors');
  }
  for (const build of builds) {
    const { work, atoms, members } = build;
    const mine = running.filter((run) => run.build === build);
    const grouped = members.flat();
    must(
      grouped.length === atoms.length && new Set(grouped).size === atoms.length,
      'each atom is in one subjob',
    );
    must(work.total === members.length, 'subjobs are numbered without gaps');
    members.forEach((_, id) => {
      expectSoundSubjob(build, toId.subjob(id), mine);
    });
    must(new Set(mine.map((run) => run.executorIndex)).size === mine.length, 'executor indexes are unique');
    must(work.running === mine.length && mine.length <= work.limits.maxExecutors, 'max_executors is kept');
    for (const slave of new Set(mine.map((run) => run.slave))) {
      const here = mine.filter((run) => run.slave === slave).length;
      must(work.runningOn(slave) === here, 'executors on each slave are counted');
      must(here <= work.limits.maxExecutorsPerSlave, 'max_executors_per_slave is kept');
    }
    must(work.done + work.queued + work.running - work.duplicates === work.total, 'no subjob is lost');
    const doubtful = work.limits.speculative === false ? 0 : inDoubt(model, build).length;
    must(work.inDoubt === doubtful, 'subjobs that only suspect slaves hold are in doubt');
    const waiting = work.waiting.reduce((sum, id) => sum + (members[id]?.length ?? 0), 0);
    must(work.waitingAtoms === waiting, 'atoms that wait are counted');
  }
}

function expectSoundSubjob({ work, members, verdicts }: Expected, id: SubjobId, mine: readonly Run[]): void {
  const subjob = work.subjob(id);
  const those = members[id] ?? [];
  const isDone = subjob?.task.state === 'done';
  must(isDone || (subjob?.atoms === those.length && those.length > 0), 'no subjob is empty');
  const held = subjob?.task.holders.map(({ lease }) => lease) ?? [];
  const runs = mine.filter((run) => run.subjob === id);
  must(
    held.length === runs.length && runs.every(({ lease }) => held.includes(lease)),
    'who runs holds a lease',
  );
  must((runs.length < 3 && runs[0]?.slave !== runs[1]?.slave) || runs.length === 0, 'two run on two slaves');
  const due = isDone ? 1 : 0;
  must(
    those.every((one) => verdicts[one] === due),
    'an atom has one verdict when its subjob is done',
  );
}

const limit = fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 4 }));
const atom = fc.record({
  expected: fc.option(fc.double({ min: 0, max: 60, noNaN: true }), { nil: null }),
  stdDev: fc.double({ min: 0, max: 10, noNaN: true }),
});
const limits = fc
  .record({
    maxExecutors: limit,
    maxExecutorsPerSlave: limit,
    speculative: fc.constantFrom(true, true, false, null),
  })
  .map(({ speculative, ...others }) => (speculative === null ? others : { ...others, speculative }));
const any = fc.nat(99);
const asking = any.map((which) => new Ask(which));
const beginning = any.map((which) => new Begin(which));
const steps = [
  fc
    .tuple(
      fc.oneof(fc.array(atom, { maxLength: 4 }), fc.array(atom, { maxLength: 40 })),
      limits,
      fc.integer({ min: -5, max: 5 }),
    )
    .map(([atoms, those, priority]) => new Arrive(atoms, those, priority)),
  fc.integer({ min: 1, max: 8 }).map((executors) => new Join(executors)),
  fc.tuple(any, fc.constantFrom('returned', 'lost')).map(([which, how]) => new Leave(which, how)),
  ...Array<typeof asking>(3).fill(asking),
  ...Array<typeof beginning>(3).fill(beginning),
  any.map((which) => new Suspect(which)),
  any.map((which) => new Trust(which)),
  fc
    .tuple(any, fc.double({ min: 0, max: 99, noNaN: true }), fc.boolean())
    .map(([which, seconds, fails]) => new Deliver(which, seconds, fails)),
  fc.integer({ min: 1, max: 200 }).map((seconds) => new Pass(seconds)),
];

describe('the scheduler as a state machine', () => {
  it('loses no subjob, leases none twice without need, exceeds no limit, and completes every build', () => {
    let stragglers = 0;
    let takenOver = 0;
    fc.assert(
      fc.property(fc.commands(steps, { maxCommands: 100, size: '+1' }), (commands) => {
        const model = new Model();
        fc.modelRun(() => ({ model, real: {} }), commands);
        // With one slave that works, every build ends whatever has happened, and none waits forever.
        new Join(1).run(model);
        for (let rounds = 0; model.builds.some(({ work }) => !work.isComplete); rounds += 1) {
          expect(rounds, 'rounds until all builds are complete').to.be.lessThan(2000);
          const given = [...model.slaves.keys()].reduce((sum, slave) => sum + ask(model, slave), 0);
          expect(given + model.running.length, 'work that nobody is given').to.be.greaterThan(0);
          for (const run of [...model.running]) {
            if (model.running.includes(run)) {
              end(model, run, 'completed', 1);
            }
          }
          expectSound(model);
        }
        expect(model.builds.every(({ verdicts }) => verdicts.every((one) => one === 1))).to.equal(true);
        stragglers += model.stragglers;
        takenOver += model.takenOver;
      }),
      { numRuns: 300 },
    );
    expect(stragglers, 'duplicates of stragglers in all runs').to.be.greaterThan(0);
    expect(takenOver, 'duplicates of work in doubt in all runs').to.be.greaterThan(0);
  });
});
