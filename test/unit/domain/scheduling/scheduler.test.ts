import { expect } from 'chai';
import fc from 'fast-check';
import { newBuild } from '../../../../src/domain/build-state.js';
import { BuildWork, type ExecutorLimits, unlimitedExecutors } from '../../../../src/domain/build-work.js';
import { newTask, preparation } from '../../../../src/domain/lease.js';
import { assignWork, hasWork, type TakenLease } from '../../../../src/domain/scheduling/scheduler.js';
import { type SlaveId, toId } from '../../../../src/protocol/ids.js';

const slaves = [1, 2, 3].map(toId.slave);
const [first, second] = slaves;

function prepared(id: number, subjobs: number, limits: ExecutorLimits = unlimitedExecutors): BuildWork {
  const work = new BuildWork(toId.build(id), newBuild(0));
  work.enter('PREPARING', 0);
  work.takePreparation(toId.lease(1_000_000 + id), toId.slave(99));
  finishPreparation(work, subjobs, 0, limits);
  return work;
}

function finishPreparation(work: BuildWork, subjobs: number, now: number, limits = unlimitedExecutors): void {
  const lease = work.preparation.holders[0]?.lease ?? toId.lease(0);
  work.endLease(preparation, lease, { kind: 'completed' });
  work.enter('BUILDING', now);
  const subjob = { atoms: 1, expected: 1, stdDev: 0, task: newTask('subjob') };
  work.setSubjobs(Array(subjobs).fill(subjob), limits);
}

function clusterOf(builds: readonly BuildWork[]) {
  let lease = 0;
  return {
    builds,
    steady: 0,
    nextLease: () => {
      lease += 1;
      return toId.lease(lease);
    },
  };
}

const limit = fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 5 }));
const builds = fc
  .array(fc.record({ subjobs: fc.nat(20), maxExecutors: limit, maxExecutorsPerSlave: limit }), {
    maxLength: 5,
  })
  .map((list) => list.map(({ subjobs, ...limits }, n) => prepared(n + 1, subjobs, limits)));
const steps = fc.array(
  fc.record({
    slave: fc.constantFrom(...slaves),
    executors: fc.nat(4),
    ends: fc.nat(3),
    how: fc.constantFrom('completed', 'returned', 'lost'),
  }),
  { maxLength: 40 },
);

describe('the scheduler', () => {
  it('keeps every limit, leases nothing twice and leaves no executor free that could be used', () => {
    fc.assert(
      fc.property(builds, steps, (works, list) => {
        const view = clusterOf(works);
        let running: (TakenLease & { kind: 'subjob'; slave: SlaveId })[] = [];
        for (const { slave, executors, ends, how } of list) {
          const choices = assignWork(view, slave, executors, 0);
          expect(choices.length).to.be.at.most(executors);
          for (const choice of choices) {
            if (choice.kind === 'subjob') {
              running.push({ ...choice, slave });
            }
          }
          for (const work of works) {
            const mine = running.filter(({ build }) => build === work);
            expect(new Set(mine.map(({ subjob }) => subjob)).size).to.equal(mine.length);
            expect(new Set(mine.map(({ executorIndex }) => executorIndex)).size).to.equal(mine.length);
            expect(work.running).to.equal(mine.length);
            expect(mine.length).to.be.at.most(work.limits.maxExecutors);
            for (const one of slaves) {
              const here = mine.filter((run) => run.slave === one).length;
              expect(work.runningOn(one)).to.equal(here);
              expect(here).to.be.at.most(work.limits.maxExecutorsPerSlave);
            }
            expect(work.done + work.queued + work.running).to.equal(work.total);
          }
          if (choices.length < executors) {
            expect(assignWork(view, slave, 1, 0)).to.deep.equal([]);
          }
          for (const { build, subjob, lease } of running.slice(0, ends)) {
            build.endLease(
              { kind: 'subjob', subjob },
              lease,
              how === 'lost' ? { kind: how, slaveName: 's' } : { kind: how },
            );
          }
          running = running.slice(ends);
        }
      }),
    );
  });

  it('divides the executors of one slave evenly among builds without limits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 30 }), (count, executors) => {
        const works = Array.from({ length: count }, (_, n) => prepared(n + 1, 100));
        assignWork(clusterOf(works), toId.slave(1), executors, 0);
        const running = works.map((work) => work.running);
        expect(Math.max(...running) - Math.min(...running)).to.be.at.most(1);
        expect(running).to.deep.equal([...running].sort((a, b) => b - a));
      }),
    );
  });

  it('prepares the oldest queued build first, each by one slave', () => {
    const works = [1, 2].map((id) => new BuildWork(toId.build(id), newBuild(0)));
    const view = clusterOf(works);
    const one = assignWork(view, toId.slave(1), 1, 7);
    expect(one.map(({ kind, build }) => [kind, build.id])).to.deep.equal([['preparation', 1]]);
    expect(works[0]?.timestamps.PREPARING).to.equal(7);
    expect(assignWork(view, toId.slave(2), 5, 7).map(({ build }) => build.id)).to.deep.equal([2]);
    expect(hasWork(view.builds)).to.equal(false);
  });

  it('prepares a queued build of a higher priority before older ones', () => {
    const works = [0, 0, 2].map(
      (priority, n) => new BuildWork(toId.build(n + 1), newBuild(0), newTask('preparation'), priority),
    );
    expect(assignWork(clusterOf(works), toId.slave(1), 3, 1).map(({ build }) => build.id)).to.deep.equal([
      3, 1, 2,
    ]);
  });

  it('starts every build before newer ones of its priority are prepared, however many executors there are', () => {
    const atoms = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 60 });
    const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
    const secondsPerStep = fc.constantFrom(0, 1, 70);
    fc.assert(
      fc.property(
        atoms,
        sizes,
        secondsPerStep,
        fc.infiniteStream(fc.nat()),
        (counts, executors, wait, draws) => {
          const works = counts.map((_, n) => new BuildWork(toId.build(n + 1), newBuild(n / 10)));
          const view = clusterOf(works);
          const running: { choice: TakenLease; slave: number }[] = [];
          const started = new Set<BuildWork>();
          const total = executors.reduce((sum, size) => sum + size, 0);
          for (
            let now = 100;
            works.some(({ isComplete, state }) => state !== 'BUILDING' || !isComplete);
            now += wait
          ) {
            executors.forEach((size, slave) => {
              const free = size - running.filter((one) => one.slave === slave).length;
              for (const choice of assignWork(view, toId.slave(slave + 1), free, now)) {
                running.push({ choice, slave });
                const { build } = choice;
                if (choice.kind === 'subjob') {
                  started.add(build);
                } else {
                  const older = works.filter((work) => work.id < build.id && work.state === 'BUILDING');
                  expect(older.filter((work) => !started.has(work))).to.deep.equal([]);
                }
              }
            });
            const waiting = works.filter((work) => work.state === 'BUILDING' && !started.has(work));
            expect(waiting.length, 'prepared in advance').to.be.at.most(total);
            const [ends] = running.splice((draws.next().value ?? 0) % running.length, 1);
            if (ends?.choice.kind === 'subjob') {
              ends.choice.build.endLease({ kind: 'subjob', subjob: ends.choice.subjob }, ends.choice.lease, {
                kind: 'completed',
              });
            } else if (ends !== undefined) {
              finishPreparation(ends.choice.build, counts[ends.choice.build.id - 1] ?? 0, now);
            }
          }
        },
      ),
    );
  });

  describe('taking leases ahead', () => {
    const [one, two] = [toId.slave(1), toId.slave(2)];
    const aheadOf = (work: BuildWork, more: BuildWork[] = []) =>
      assignWork(clusterOf([work, ...more]), one, 0, 0, true, 2).map(({ build }) => build.id);

    it('gives as many as requested while more wait than executors run the build', () => {
      const work = prepared(1, 10);
      assignWork(clusterOf([work]), one, 2, 0);
      expect(aheadOf(work)).to.deep.equal([1, 1]);
    });

    it('leaves the last subjobs to the first free executor', () => {
      const work = prepared(1, 4);
      assignWork(clusterOf([work]), one, 2, 0);
      expect(aheadOf(work)).to.deep.equal([]);
    });

    it('does not begin a build on another slave', () => {
      const work = prepared(1, 10);
      assignWork(clusterOf([work]), two, 2, 0);
      expect(aheadOf(work)).to.deep.equal([]);
    });

    it('serves no build whose turn it is not', () => {
      const work = prepared(1, 10);
      assignWork(clusterOf([work]), one, 2, 0);
      expect(aheadOf(work, [prepared(2, 10)])).to.deep.equal([]);
    });

    it('exceeds no limit', () => {
      const work = prepared(1, 10, { maxExecutors: 3, maxExecutorsPerSlave: 3 });
      assignWork(clusterOf([work]), one, 2, 0);
      expect(aheadOf(work)).to.deep.equal([1]);
    });
  });

  it('gives nothing of a build to a slave that could not run it', () => {
    const work = prepared(1, 5);
    if (first === undefined || second === undefined) {
      throw new Error('There are three slaves.');
    }
    work.refuse(first);
    expect(assignWork(clusterOf([work]), first, 3, 0)).to.deep.equal([]);
    expect(assignWork(clusterOf([work]), second, 3, 0)).to.have.length(3);
  });

  it('hands out the subjobs in their order, returned ones first', () => {
    const work = prepared(1, 3);
    const view = clusterOf([work]);
    const order = () =>
      assignWork(view, toId.slave(1), 1, 0).map((one) => (one.kind === 'subjob' ? one.subjob : -1));
    expect([...order(), ...order()]).to.deep.equal([0, 1]);
    work.endLease({ kind: 'subjob', subjob: toId.subjob(0) }, toId.lease(1), { kind: 'returned' });
    expect([...order(), ...order(), ...order()]).to.deep.equal([0, 2]);
  });
});
