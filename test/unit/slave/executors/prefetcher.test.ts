import { expect } from 'chai';
import fc from 'fast-check';
import { toId } from '../../../../src/protocol/ids.js';
import { CompletionEstimate } from '../../../../src/slave/executors/completion-estimate.js';
import { PREFETCH_MS, Prefetcher } from '../../../../src/slave/executors/prefetcher.js';
import { ManualClock } from '../../../support/manual-clock.js';

describe('CompletionEstimate', () => {
  it('is what the master expects from earlier builds', () => {
    const estimate = new CompletionEstimate(3, 2, 1_000);
    estimate.noteEnded(1_100);
    expect(estimate.end).to.equal(3_000);
  });

  it('is unknown before the first atom has ended, when the master expects nothing', () => {
    expect(new CompletionEstimate(3, null, 1_000).end).to.equal(null);
  });

  it('is exact when all atoms take equally long', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 0, max: 10_000 }),
        fc.nat(49),
        (atoms, each, seed) => {
          const ended = 1 + (seed % atoms);
          const estimate = new CompletionEstimate(atoms, null, 0);
          for (let n = 1; n <= ended; n += 1) {
            estimate.noteEnded(n * each);
          }
          expect(estimate.end).to.be.closeTo(atoms * each, 1e-6);
        },
      ),
    );
  });
});

describe('Prefetcher', () => {
  const lease = toId.lease(1);
  let clock: ManualClock;
  let due: number;
  let prefetcher: Prefetcher;
  beforeEach(() => {
    clock = new ManualClock();
    due = 0;
    prefetcher = new Prefetcher(clock, () => {
      due += 1;
    });
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it('is due once, shortly before the expected end of a subjob', async () => {
    prefetcher.begin(lease, 1, 10);
    clock.advance(10_000 - PREFETCH_MS - 1);
    await turn();
    expect([due, prefetcher.freeSoon]).to.deep.equal([0, 0]);
    clock.advance(1);
    await turn();
    expect([due, prefetcher.freeSoon]).to.deep.equal([1, 1]);
    clock.advance(60_000);
    await turn();
    expect(due).to.equal(1);
  });

  it('does not count an executor whose subjob takes far longer than expected', () => {
    prefetcher.begin(lease, 1, 10);
    clock.advance(10_000 + PREFETCH_MS);
    expect(prefetcher.freeSoon).to.equal(1);
    clock.advance(1);
    expect(prefetcher.freeSoon).to.equal(0);
  });

  it('is due later when atoms take longer than those before', async () => {
    prefetcher.begin(lease, 3, null);
    clock.advance(1_000);
    prefetcher.noteEnded(lease);
    clock.advance(2_000 - PREFETCH_MS - 1);
    prefetcher.noteEnded(lease);
    clock.advance(1);
    await turn();
    expect(due).to.equal(0);
    clock.advance(2_000);
    await turn();
    expect(due).to.equal(1);
  });

  it('leaves no timer when a subjob ends early', async () => {
    prefetcher.begin(lease, 1, 10);
    prefetcher.end(lease);
    await turn();
    expect(clock.sleeping).to.equal(0);
    expect(prefetcher.freeSoon).to.equal(0);
  });
});
