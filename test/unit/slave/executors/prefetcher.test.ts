import { expect } from 'chai';
import fc from 'fast-check';
import { toId } from '../../../../src/protocol/ids.js';
import { CompletionEstimate } from '../../../../src/slave/executors/completion-estimate.js';
import { PREFETCH_MS, Prefetcher } from '../../../../src/slave/executors/prefetcher.js';
import { ManualClock } from '../../../support/manual-clock.js';

describe('the forecast of a subjob', () => {
  it('is what history says', () => {
    const forecast = new CompletionEstimate(3, 2, 1_000);
    forecast.noteEnded(1_100);
    expect(forecast.end).to.equal(3_000);
  });

  it('is nothing before the first atom has ended, when there is no history', () => {
    expect(new CompletionEstimate(3, null, 1_000).end).to.equal(null);
  });

  it('is right when all atoms take equally long', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 0, max: 10_000 }),
        fc.nat(49),
        (atoms, each, seed) => {
          const ended = 1 + (seed % atoms);
          const forecast = new CompletionEstimate(atoms, null, 0);
          for (let n = 1; n <= ended; n += 1) {
            forecast.noteEnded(n * each);
          }
          expect(forecast.end).to.be.closeTo(atoms * each, 1e-6);
        },
      ),
    );
  });
});

describe('asking ahead', () => {
  const lease = toId.lease(1);
  let clock: ManualClock;
  let due: number;
  let ahead: Prefetcher;
  beforeEach(() => {
    clock = new ManualClock();
    due = 0;
    ahead = new Prefetcher(clock, () => {
      due += 1;
    });
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it('is due once, shortly before the expected end', async () => {
    ahead.begin(lease, 1, 10);
    clock.advance(10_000 - PREFETCH_MS - 1);
    await turn();
    expect([due, ahead.soon]).to.deep.equal([0, 0]);
    clock.advance(1);
    await turn();
    expect([due, ahead.soon]).to.deep.equal([1, 1]);
    clock.advance(60_000);
    await turn();
    expect(due).to.equal(1);
  });

  it('is not expected any more of what takes far longer', () => {
    ahead.begin(lease, 1, 10);
    clock.advance(10_000 + PREFETCH_MS);
    expect(ahead.soon).to.equal(1);
    clock.advance(1);
    expect(ahead.soon).to.equal(0);
  });

  it('is put off when atoms take longer than those before', async () => {
    ahead.begin(lease, 3, null);
    clock.advance(1_000);
    ahead.noteEnded(lease);
    clock.advance(2_000 - PREFETCH_MS - 1);
    ahead.noteEnded(lease);
    clock.advance(1);
    await turn();
    expect(due).to.equal(0);
    clock.advance(2_000);
    await turn();
    expect(due).to.equal(1);
  });

  it('leaves no timer when a subjob ends before', async () => {
    ahead.begin(lease, 1, 10);
    ahead.end(lease);
    await turn();
    expect(clock.sleeping).to.equal(0);
    expect(ahead.soon).to.equal(0);
  });
});
