import { expect } from 'chai';
import fc from 'fast-check';
import { afterLook, type Presence, unseen } from '../../../src/domain/suspicion.js';

const PATIENCE = 3000;
const FORGIVEN = 10 * 60_000;

/** Looks at a fleet that the test describes. */
class Fleet {
  slaves: readonly Presence[];
  isSlow = false;
  now = 0;

  constructor(slaves: number) {
    this.slaves = Array<Presence>(slaves).fill(unseen);
  }

  /** Looks every 250 ms for so long; `present`: the slaves that respond. */
  pass(ms: number, present: readonly number[], isRefusing = false): this {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 250;
      this.look(present, isRefusing);
    }
    return this;
  }

  look(present: readonly number[], isRefusing = false): void {
    const sightings = this.slaves.map((before, n) => ({ before, isPresent: present.includes(n) }));
    const look = { patienceMs: PATIENCE, isRefusing, now: this.now };
    ({ slaves: this.slaves, isSlow: this.isSlow } = afterLook(sightings, look));
  }

  get suspects(): number[] {
    return this.slaves.flatMap(({ trust }, n) => (trust === 'suspect' ? [n] : []));
  }
}

const all = [0, 1, 2, 3];
const trustedFleet = () => new Fleet(4).pass(1000, all);

describe('a slave that does not respond', () => {
  it('is suspect after its patience, and trusted as soon as it responds', () => {
    const fleet = trustedFleet().pass(PATIENCE, [1, 2, 3]);
    expect(fleet.suspects).to.deep.equal([]);
    expect(fleet.pass(250, [1, 2, 3]).suspects).to.deep.equal([0]);
    expect(fleet.pass(60_000, [1, 2, 3]).suspects).to.deep.equal([0]);
    expect(fleet.pass(250, all).suspects).to.deep.equal([]);
  });

  it('is not suspect when it responds now and then', () => {
    const fleet = trustedFleet();
    for (let n = 0; n < 10; n += 1) {
      expect(fleet.pass(PATIENCE, [1, 2, 3]).pass(250, all).suspects).to.deep.equal([]);
    }
  });

  it('is not suspect before it was seen once, as after a start of the master', () => {
    expect(new Fleet(4).pass(60_000, [1, 2, 3]).suspects).to.deep.equal([]);
  });

  it('is given twice the time after each false alarm, and the first time again after ten minutes', () => {
    const fleet = trustedFleet();
    for (const patience of [1, 2, 4].map((times) => times * PATIENCE)) {
      expect(fleet.pass(patience, [1, 2, 3]).suspects, `${patience} ms`).to.deep.equal([]);
      expect(fleet.pass(250, [1, 2, 3]).suspects, `${patience} ms`).to.deep.equal([0]);
      fleet.pass(250, all);
    }
    fleet.pass(FORGIVEN, all);
    expect(fleet.pass(PATIENCE + 250, [1, 2, 3]).suspects).to.deep.equal([0]);
  });

  it('may be one of two, or half of a fleet', () => {
    expect(new Fleet(2).pass(250, [0, 1]).pass(PATIENCE + 250, [1]).suspects).to.deep.equal([0]);
    expect(trustedFleet().pass(PATIENCE + 250, [2, 3]).suspects).to.deep.equal([0, 1]);
  });

  it('is not to blame when most slaves do not respond at the same time, before it has responded again', () => {
    const fleet = trustedFleet().pass(500, [1, 2, 3]).pass(1500, [3]);
    expect(fleet.pass(60_000, [3]).suspects).to.deep.equal([]);
    expect(fleet.pass(60_000, [2, 3]).suspects, 'while the others come back').to.deep.equal([]);
    expect(fleet.pass(60_000, [1, 2, 3]).suspects, 'the last one').to.deep.equal([]);
    expect(fleet.pass(250, all).pass(PATIENCE + 250, [1, 2, 3]).suspects).to.deep.equal([0]);
  });

  it('is not to blame while the master refuses requests, and shortly after', () => {
    const fleet = trustedFleet().pass(1000, [1, 2, 3], true);
    expect(fleet.pass(60_000, [1, 2, 3]).suspects).to.deep.equal([]);
  });

  it('is not to blame while many come back late, as at a master that is overloaded', () => {
    const fleet = new Fleet(10);
    const everybody = fleet.slaves.map((_, n) => n);
    const without = (...some: number[]) => everybody.filter((n) => !some.includes(n));
    fleet.pass(250, everybody);
    for (const one of [1, 2]) {
      fleet.pass(1500, without(0, one)).pass(250, everybody);
    }
    expect(fleet.isSlow).to.equal(true);
    expect(fleet.pass(20_000, without(0)).suspects).to.deep.equal([]);
    expect(fleet.pass(20_000, without(0)).suspects, 'it was not heard meanwhile').to.deep.equal([]);
    expect(fleet.isSlow).to.equal(false);
    expect(fleet.pass(250, everybody).pass(PATIENCE + 250, without(0)).suspects).to.deep.equal([0]);
  });

  it('is noticed although another one comes back late again and again', () => {
    const fleet = trustedFleet();
    for (let n = 0; n < 10; n += 1) {
      fleet.pass(1500, [0, 2, 3]).pass(250, all);
    }
    expect(fleet.pass(PATIENCE + 250, [1, 2, 3]).suspects).to.deep.equal([0]);
  });

  it('is noticed although others are suspect already', () => {
    const fleet = trustedFleet().pass(PATIENCE + 250, [1, 2, 3]);
    expect(fleet.pass(PATIENCE + 250, [2, 3]).suspects).to.deep.equal([0, 1]);
  });

  it('is suspect only after its time, and never together with more than half of the fleet', () => {
    const steps = fc.array(
      fc.record({
        ms: fc.integer({ min: 250, max: 6000 }),
        present: fc.subarray(all),
        isRefusing: fc.boolean(),
      }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(steps, (list) => {
        const fleet = trustedFleet();
        const seenAt = all.map(() => fleet.now);
        for (const { ms, present, isRefusing } of list) {
          for (const end = fleet.now + ms; fleet.now < end; ) {
            const before = fleet.suspects;
            fleet.pass(250, present, isRefusing);
            for (const one of present) {
              seenAt[one] = fleet.now;
            }
            const fresh = fleet.suspects.filter((one) => !before.includes(one));
            const absentFor = (one: number) => fleet.now - (seenAt[one] ?? 0);
            expect(fleet.suspects.filter((one) => present.includes(one))).to.deep.equal([]);
            expect(fresh.every((one) => absentFor(one) >= PATIENCE)).to.equal(true);
            expect(fresh.length * 2).to.be.at.most(all.length - before.length);
            expect(isRefusing ? fresh : []).to.deep.equal([]);
          }
        }
      }),
    );
  });
});
