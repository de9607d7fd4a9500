import { expect } from 'chai';
import fc from 'fast-check';
import { partsOfKey, passKey } from '../../../src/domain/pass-key.js';
import { decideFromRecord, type RecordedRuns } from '../../../src/domain/recorded-pass.js';

const KEPT = 1000;
const digest = (text: string) => text.repeat(32);
const keyOf = (job: string, surroundings: string, inputs: string) =>
  passKey({ job: digest(job), surroundings: digest(surroundings), inputs: digest(inputs) });
const key = keyOf('j', 's', 'i');
const conditions = { now: 5000, keptMs: KEPT, isFlaky: false };
const run = { build: 3, atom: 7 };
const passed = (at: number, ofKey = key): RecordedRuns => ({
  key: ofKey,
  pass: { ...run, at },
  failedAt: null,
});
const failed = (at: number, ofKey = key): RecordedRuns => ({ key: ofKey, pass: null, failedAt: at });

describe('the record of passes', () => {
  it('counts for an atom that has passed with the same key', () => {
    expect(decideFromRecord(key, [passed(4500)], conditions)).to.deep.equal({ from: run });
  });

  it('names the newest of several passes', () => {
    const older = { key, pass: { build: 1, atom: 0, at: 4100 }, failedAt: null };
    expect(decideFromRecord(key, [older, passed(4500)], conditions)).to.deep.equal({ from: run });
    expect(decideFromRecord(key, [passed(4500), older], conditions)).to.deep.equal({ from: run });
  });

  it('says in which part the key differs from that of the pass that is most like it', () => {
    const because = (...known: RecordedRuns[]) => decideFromRecord(key, known, conditions);
    expect(because()).to.deep.equal({ reason: 'NO_PASS' });
    expect(because(failed(1, keyOf('j', 's', 'x')))).to.deep.equal({ reason: 'NO_PASS' });
    expect(because(passed(1, keyOf('j', 's', 'x')))).to.deep.equal({ reason: 'INPUTS' });
    expect(because(passed(1, keyOf('j', 'x', 'i')))).to.deep.equal({ reason: 'SURROUNDINGS' });
    expect(because(passed(1, keyOf('x', 's', 'i')))).to.deep.equal({ reason: 'JOB' });
    expect(because(passed(2, keyOf('x', 'x', 'i')), passed(1, keyOf('j', 's', 'x')))).to.deep.equal({
      reason: 'INPUTS',
    });
  });

  it('does not count with a pass that is too old, or from the future after a jump of the clock', () => {
    expect(decideFromRecord(key, [passed(4000)], conditions)).to.deep.equal({ reason: 'TOO_OLD' });
    expect(decideFromRecord(key, [passed(5001)], conditions)).to.deep.equal({ reason: 'TOO_OLD' });
    expect(decideFromRecord(key, [passed(5000)], { ...conditions, keptMs: 0 })).to.deep.equal({
      reason: 'TOO_OLD',
    });
  });

  it('does not count for a flaky atom', () => {
    expect(decideFromRecord(key, [passed(4500)], { ...conditions, isFlaky: true })).to.deep.equal({
      reason: 'FLAKY',
    });
  });

  it('counts only with a fresh pass with the same key, and never after a failure with it', () => {
    const keys = fc.constantFrom(key, keyOf('j', 's', 'x'), keyOf('x', 's', 'i'));
    const time = fc.integer({ min: 0, max: 10_000 });
    const runs = fc.record({
      key: keys,
      pass: fc.option(fc.record({ build: fc.nat(), atom: fc.nat(), at: time })),
      failedAt: fc.option(time),
    });
    fc.assert(
      fc.property(fc.array(runs, { maxLength: 6 }), time, fc.boolean(), (known, now, isFlaky) => {
        const decision = decideFromRecord(key, known, { now, keptMs: KEPT, isFlaky });
        const same = known.filter((one) => one.key === key);
        const isFresh = ({ pass }: (typeof known)[number]) =>
          pass !== null && pass.at <= now && now - pass.at < KEPT;
        const hasFailed = same.some(({ failedAt }) => failedAt !== null && failedAt >= now - KEPT);
        if ('from' in decision) {
          expect(isFlaky || hasFailed).to.equal(false);
          const source = same.find(
            ({ pass }) => pass?.build === decision.from.build && pass.atom === decision.from.atom,
          );
          expect(source !== undefined && isFresh(source)).to.equal(true);
        } else {
          expect(isFlaky || hasFailed || !same.some(isFresh)).to.equal(true);
        }
      }),
    );
  });
});

describe('the parts of a key', () => {
  it('are those that it was made of', () => {
    const parts = { job: digest('a'), surroundings: digest('b'), inputs: digest('c') };
    expect(partsOfKey(passKey(parts))).to.deep.equal(parts);
    expect(partsOfKey('a.b')).to.equal(null);
    expect(partsOfKey('a.b.c.d')).to.equal(null);
  });
});
