import { expect } from 'chai';
import fc from 'fast-check';
import { DAYS_KEPT, dayOf, packDays, unpackDays } from '../../../../src/domain/history/atom-days.js';
import { type AtomHistory, withRunInHistory } from '../../../../src/domain/history/atom-history.js';
import {
  type AtomRun,
  packRuns,
  type RunKind,
  unpackRuns,
} from '../../../../src/domain/history/atom-runs.js';
import { coarsely } from '../../../../src/domain/history/coarse-seconds.js';
import { RUNS_KEPT } from '../../../../src/protocol/build/history.js';

const kind = fc.constantFrom<RunKind>('PASSED', 'FAILED', 'FLAKY', 'LOST');
const run = fc.record({
  build: fc.integer({ min: 1, max: 10_000 }),
  atom: fc.nat({ max: 100_000 }),
  kind,
  seconds: fc.option(fc.double({ min: 0, max: 10_000, noNaN: true }).map(coarsely)),
  minute: fc.integer({ min: 29_000_000, max: 29_200_000 }),
});
const runs = fc.uniqueArray(run, { selector: ({ build }) => build, maxLength: 120 });
const byBuild = (a: AtomRun, b: AtomRun) => a.build - b.build;
const ofOneCode = () => 'the same';

function historyOf(list: readonly AtomRun[], retrySeconds = 0): AtomHistory | null {
  return list.reduce<AtomHistory | null>(
    (history, one) => withRunInHistory(history, one, retrySeconds, ofOneCode),
    null,
  );
}

describe('the history of an atom', () => {
  it('is kept in a text of its runs, in order of build, and read as it was', () => {
    fc.assert(
      fc.property(runs, (list) => {
        const sorted = list.toSorted(byBuild);
        expect(unpackRuns(packRuns(sorted))).to.deep.equal(sorted);
      }),
    );
  });

  it('takes eight characters for each run of a frequent job', () => {
    const daily = Array.from({ length: RUNS_KEPT }, (_, n) => ({
      build: 5_000 + 7 * n,
      atom: 90_000,
      kind: 'PASSED' as const,
      seconds: 12.3,
      minute: 29_000_000 + 700 * n,
    }));
    expect(packRuns(daily).length).to.be.at.most(8 * RUNS_KEPT + 10);
  });

  it('does not depend on the order in which builds are recorded', () => {
    fc.assert(
      fc.property(runs, fc.infiniteStream(fc.nat()), (list, keys) => {
        const some = list.slice(0, DAYS_KEPT);
        const shuffled = some
          .map((one) => ({ one, key: keys.next().value ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ one }) => one);
        expect(historyOf(shuffled)).to.deep.equal(historyOf(some.toSorted(byBuild)));
      }),
    );
  });

  it('counts every run, and keeps the newest ones and the newest days', () => {
    fc.assert(
      fc.property(runs, (list) => {
        const sorted = list.toSorted(byBuild);
        const history = historyOf(sorted, 2);
        const of = (...kinds: RunKind[]) => list.filter((one) => kinds.includes(one.kind)).length;
        expect(history?.runs ?? 0).to.equal(of('PASSED', 'FAILED', 'FLAKY'));
        expect(history?.failures ?? 0).to.equal(of('FAILED'));
        expect(history?.flaky ?? 0).to.equal(of('FLAKY'));
        expect(history?.retrySeconds ?? 0).to.equal(2 * list.length);
        expect(history?.newest ?? []).to.deep.equal(sorted.slice(-RUNS_KEPT));
        const days = [...new Set(list.map(dayOf))].sort((a, b) => a - b);
        expect(history?.days.map(({ day }) => day) ?? []).to.deep.equal(days.slice(-DAYS_KEPT));
        expect(unpackDays(packDays(history?.days ?? []))).to.deep.equal(history?.days ?? []);
      }),
    );
  });

  it('knows since which build the atom fails, also when more runs failed than are kept', () => {
    const failed = Array.from({ length: 3 * RUNS_KEPT }, (_, n): AtomRun => {
      return { build: n + 2, atom: 0, kind: n % 7 === 3 ? 'LOST' : 'FAILED', seconds: 1, minute: n };
    });
    const passed: AtomRun = { build: 1, atom: 0, kind: 'PASSED', seconds: 1, minute: 0 };
    expect(historyOf([passed, ...failed])).to.deep.include({
      failingSince: { build: 2, minute: 0 },
      lastPassed: 1,
      firstSeen: { build: 1, minute: 0 },
    });
    const again: AtomRun = { build: 1000, atom: 0, kind: 'FLAKY', seconds: 1, minute: 1 };
    expect(historyOf([...failed, again])).to.deep.include({ failingSince: null, lastPassed: 1000 });
  });
});
