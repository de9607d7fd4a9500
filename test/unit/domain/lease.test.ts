import { expect } from 'chai';
import fc from 'fast-check';
import {
  afterCompletion,
  afterLoss,
  afterReturn,
  classifyReport,
  duplicateLease,
  type Holder,
  MAX_LOSSES,
  newTask,
  type Task,
  takeLease,
} from '../../../src/domain/lease.js';
import { type LeaseId, toId } from '../../../src/protocol/ids.js';

const [slave, other] = [toId.slave(1), toId.slave(2)];
const steps = fc.array(fc.constantFrom('take', 'duplicate', 'lose', 'back', 'complete'), { maxLength: 30 });
/** Which of two leases a step is about. */
const turns = fc.infiniteStream(fc.nat(1)).map((stream) => () => stream.next().value);

/** Every state that the steps lead through; impossible ones are left out. */
function walk(
  list: readonly string[],
  turn: () => number = () => 0,
): { tasks: Task[]; refs: { lease_id: number; attempt: number }[] } {
  let task: Task = newTask('subjob');
  const tasks: Task[] = [task];
  const refs: { lease_id: number; attempt: number }[] = [];
  for (const step of list) {
    const fresh = toId.lease(refs.length + 1);
    const holders: readonly Holder[] = task.holders;
    const holder = holders[turn() % Math.max(1, holders.length)];
    if (step === 'take' && task.state === 'queued') {
      task = takeLease(task, fresh, slave);
      refs.push({ lease_id: fresh, attempt: task.attempts });
    } else if (step === 'duplicate' && holders.length === 1) {
      task = duplicateLease(task, fresh, holders[0]?.slave === slave ? other : slave);
      refs.push({ lease_id: fresh, attempt: task.attempts });
    } else if (['lose', 'back', 'complete'].includes(step) && holder !== undefined) {
      const { lease } = holder;
      task =
        step === 'lose'
          ? afterLoss(task, lease, 's')
          : step === 'back'
            ? afterReturn(task, lease)
            : afterCompletion(task, lease);
    }
    tasks.push(task);
  }
  return { tasks, refs };
}

function judged(task: Task, { lease_id, attempt }: { lease_id: number; attempt: number }) {
  return classifyReport(task, { lease_id: toId.lease(lease_id), attempt: toId.attempt(attempt) });
}

describe('a lease', () => {
  it('raises the attempt each time it is taken, and only then', () => {
    fc.assert(
      fc.property(steps, turns, (list, turn) => {
        const { tasks, refs } = walk(list, turn);
        expect(refs.map(({ attempt }) => attempt)).to.deep.equal(refs.map((_, n) => n + 1));
        const last = tasks.at(-1) ?? newTask('subjob');
        expect(last.attempts).to.equal(refs.length);
      }),
    );
  });

  it('is current for its holders: one, or two on different slaves', () => {
    fc.assert(
      fc.property(steps, turns, (list, turn) => {
        const { tasks, refs } = walk(list, turn);
        const task = tasks.at(-1) ?? newTask('subjob');
        const current = refs.filter((ref) => judged(task, ref) === 'current');
        const { holders } = task;
        expect(current.map(({ lease_id }) => lease_id)).to.have.members(holders.map(({ lease }) => lease));
        expect(new Set(holders.map((holder) => holder.slave)).size).to.equal(holders.length);
        expect(refs.every((ref) => judged(task, ref) !== 'unknown')).to.equal(true);
      }),
    );
  });

  it('that delivered the verdict is the only one whose repeated report is accepted', () => {
    fc.assert(
      fc.property(steps, turns, (list, turn) => {
        const { tasks, refs } = walk(list, turn);
        const task = tasks.at(-1) ?? newTask('subjob');
        const accepted = refs.filter((ref) => judged(task, ref) === 'accepted');
        const isDelivered = task.state === 'done' && task.ending === 'delivered';
        expect(accepted.map(({ lease_id }) => lease_id)).to.deep.equal(isDelivered ? [task.lease] : []);
      }),
    );
  });

  it('that is lost or returned leaves the other holder, and the task is not queued', () => {
    const both = duplicateLease(takeLease(newTask('subjob'), toId.lease(1), slave), toId.lease(2), other);
    const [first, second] = both.holders;
    expect(afterLoss(both, toId.lease(1), 's')).to.deep.include({ state: 'leased', holders: [second] });
    const returned = { state: 'leased', holders: [first], attempts: 2 };
    expect(afterReturn(both, toId.lease(2))).to.deep.include(returned);
    expect([first, second]).to.deep.equal([
      { attempt: 1, lease: 1, slave, executorIndex: null, beganAt: null },
      { attempt: 2, lease: 2, slave: other, executorIndex: null, beganAt: null },
    ]);
    expect(afterCompletion(both, toId.lease(1))).to.include({ state: 'done', lease: 1 });
    expect(() => duplicateLease(both, toId.lease(3), toId.slave(3))).to.throw('cannot have another lease');
    expect(() =>
      duplicateLease(takeLease(newTask('subjob'), toId.lease(1), slave), toId.lease(2), slave),
    ).to.throw('cannot have another lease');
  });

  it('changes no more once its task is done', () => {
    fc.assert(
      fc.property(steps, turns, (list, turn) => {
        const { tasks } = walk(list, turn);
        const done = tasks.findIndex(({ state }) => state === 'done');
        expect(new Set(tasks.slice(done === -1 ? tasks.length : done)).size).to.be.at.most(1);
      }),
    );
  });

  it('fails its task after three losses, and returning it does not count as a loss', () => {
    fc.assert(
      fc.property(steps, turns, (list, turn) => {
        const last = walk(list, turn).tasks.at(-1);
        const isLost = last?.state === 'done' && last.ending === 'lost';
        expect(!isLost || (last?.losses.length ?? 0) >= MAX_LOSSES).to.equal(true);
        expect(last?.state !== 'queued' || last.losses.length < MAX_LOSSES).to.equal(true);
      }),
    );
  });

  it('distinguishes a repeated report from a stale one and from an unknown lease', () => {
    const first = takeLease(newTask('subjob'), toId.lease(5), slave);
    const ref = (lease: number, attempt: number) => ({
      lease_id: toId.lease(lease),
      attempt: toId.attempt(attempt),
    });
    expect(classifyReport(first, ref(5, 1))).to.equal('current');
    expect(classifyReport(first, ref(6, 1))).to.equal('unknown');
    expect(classifyReport(first, ref(5, 2))).to.equal('unknown');
    expect(classifyReport(afterCompletion(first, toId.lease(5)), ref(5, 1))).to.equal('accepted');
    expect(classifyReport(afterReturn(first, toId.lease(5)), ref(5, 1))).to.equal('stale');
    const second = takeLease(afterLoss(first, toId.lease(5), 's'), toId.lease(6), slave);
    expect(classifyReport(second, ref(5, 1))).to.equal('stale');
    expect(classifyReport(second, ref(6, 2))).to.equal('current');
  });

  it('cannot be taken twice, nor end when nobody holds it', () => {
    const held = takeLease(newTask('subjob'), toId.lease(1), slave);
    expect(() => takeLease(held, toId.lease(2), slave)).to.throw('cannot be leased');
    const lost = (task: Task, lease: LeaseId) => afterLoss(task, lease, 's');
    for (const end of [afterCompletion, afterReturn, lost]) {
      expect(() => end(newTask('subjob'), toId.lease(1))).to.throw('no lease');
      expect(() => end(held, toId.lease(2))).to.throw('no lease 2');
    }
  });
});
