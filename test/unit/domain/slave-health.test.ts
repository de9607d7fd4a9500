import { expect } from 'chai';
import fc from 'fast-check';
import {
  COOL_OFF_MS,
  clearFailuresOf,
  type Health,
  healthy,
  quarantineReason,
  registeredAgain,
  SICK_AFTER,
  withFailure,
} from '../../../src/domain/slave-health.js';
import { toId } from '../../../src/protocol/ids.js';

const trouble = (build: number) => ({ build: toId.build(build), what: 'setup_build failed' });

function ailing(failures: number, now = 0): Health {
  return Array.from({ length: failures }, (_, n) => trouble(n + 1)).reduce(
    (health, one) => withFailure(health, one, now),
    healthy,
  );
}

describe('the health of a slave', () => {
  it('is lost after three failures in a row, and returns when it has cooled off', () => {
    fc.assert(
      fc.property(fc.nat(10), fc.nat(2 * COOL_OFF_MS), (failures, later) => {
        const isSick = quarantineReason(ailing(failures), later) !== null;
        expect(isSick).to.equal(failures >= SICK_AFTER && later < COOL_OFF_MS);
      }),
    );
    expect(quarantineReason(ailing(3), 0)).to.equal(
      '3 times in a row something went wrong here (setup_build failed); it is tried again in 5 min, or when it is restarted.',
    );
  });

  it('is lost again at the next failure after it has cooled off', () => {
    expect(quarantineReason(withFailure(ailing(3), trouble(9), COOL_OFF_MS), COOL_OFF_MS)).to.be.a('string');
    const again = registeredAgain(ailing(3));
    expect(quarantineReason(again, 0)).to.equal(null);
    expect(quarantineReason(withFailure(again, trouble(9), 1), 1)).to.be.a('string');
  });

  it('is not affected by a build that no slave could run', () => {
    expect(quarantineReason(clearFailuresOf(ailing(3), toId.build(2)), 0)).to.equal(null);
    expect(quarantineReason(clearFailuresOf(ailing(3), toId.build(7)), 0)).to.be.a('string');
    expect(clearFailuresOf(ailing(1), toId.build(1))).to.deep.equal(healthy);
  });

  it('counts one build once, however many of its executors failed', () => {
    const health = withFailure(ailing(2), trouble(2), 0);
    expect(quarantineReason(health, 0)).to.equal(null);
    const vanished = { build: null, what: 'it vanished with work' };
    expect(quarantineReason(withFailure(withFailure(ailing(1), vanished, 0), vanished, 0), 0)).to.be.a(
      'string',
    );
  });

  it('keeps no more failures than it needs', () => {
    expect(ailing(100).failures).to.have.length(SICK_AFTER);
  });
});
