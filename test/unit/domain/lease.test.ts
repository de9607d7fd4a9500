import { expect } from 'chai';
import fc from 'fast-check';
import {
  complete,
  giveBack,
  judge,
  loseLease,
  MAX_LOSSES,
  newTask,
  type Task,
  takeLease,
} from '../../../src/domain/lease.js';
import { toId } from '../../../src/protocol/ids.js';

const slave = toId.slave(1);
const steps = fc.array(fc.constantFrom('take', 'lose', 'back', 'complete'), { maxLength: 30 });

/** Every state that the steps lead through; impossible ones are left out. */
function walk(list: readonly string[]): { tasks: Task[]; refs: { lease_id: number; attempt: number }[] } {
  let task: Task = newTask;
  const tasks: Task[] = [task];
  const refs: { lease_id: number; attempt: number }[] = [];
  for (const step of list) {
    if (step === 'take' && task.kind === 'queued') {
      task = takeLease(task, toId.lease(refs.length + 1), slave);
      refs.push({ lease_id: refs.length + 1, attempt: task.attempt });
    } else if (step !== 'take' && task.kind === 'leased') {
      task = step === 'lose' ? loseLease(task, 's') : step === 'back' ? giveBack(task) : complete(task);
    }
    tasks.push(task);
  }
  return { tasks, refs };
}

describe('a lease', () => {
  it('raises the attempt each time it is taken, and only then', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const { tasks, refs } = walk(list);
        expect(refs.map(({ attempt }) => attempt)).to.deep.equal(refs.map((_, n) => n + 1));
        expect(tasks.at(-1)?.attempt).to.equal(refs.length);
      }),
    );
  });

  it('is current for one reference at most: that of the lease that is held', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const { tasks, refs } = walk(list);
        const task = tasks.at(-1) ?? newTask;
        const current = refs.filter(
          ({ lease_id, attempt }) =>
            judge(task, { lease_id: toId.lease(lease_id), attempt: toId.attempt(attempt) }) === 'current',
        );
        expect(current.length).to.equal(task.kind === 'leased' ? 1 : 0);
      }),
    );
  });

  it('is done for good once it is done', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const { tasks } = walk(list);
        const done = tasks.findIndex(({ kind }) => kind === 'done');
        expect(new Set(tasks.slice(done === -1 ? tasks.length : done)).size).to.be.at.most(1);
      }),
    );
  });

  it('fails after so many losses, and no number of hand-backs counts as one', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const last = walk(list).tasks.at(-1);
        const isLost = last?.kind === 'done' && last.ending === 'lost';
        expect(isLost).to.equal(last?.losses.length === MAX_LOSSES);
      }),
    );
  });

  it('tells a repeated report from a stale one and from one that was never given', () => {
    const first = takeLease(newTask, toId.lease(5), slave);
    const ref = (lease: number, attempt: number) => ({
      lease_id: toId.lease(lease),
      attempt: toId.attempt(attempt),
    });
    expect(judge(first, ref(5, 1))).to.equal('current');
    expect(judge(first, ref(6, 1))).to.equal('unknown');
    expect(judge(first, ref(5, 2))).to.equal('unknown');
    expect(judge(complete(first), ref(5, 1))).to.equal('accepted');
    expect(judge(giveBack(first), ref(5, 1))).to.equal('stale');
    const second = takeLease(loseLease(first, 's'), toId.lease(6), slave);
    expect(judge(second, ref(5, 1))).to.equal('stale');
    expect(judge(second, ref(6, 2))).to.equal('current');
  });

  it('cannot be taken twice, nor end when nobody holds it', () => {
    const held = takeLease(newTask, toId.lease(1), slave);
    expect(() => takeLease(held, toId.lease(2), slave)).to.throw('cannot be leased');
    for (const end of [complete, giveBack, (task: Task) => loseLease(task, 's')]) {
      expect(() => end(newTask)).to.throw('no lease');
    }
  });
});
