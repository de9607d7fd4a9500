import { expect } from 'chai';
import fc from 'fast-check';
import {
  COOL_OFF_MS,
  exonerated,
  type Health,
  healthy,
  registeredAgain,
  SICK_AFTER,
  sickness,
  withTrouble,
} from '../../../src/domain/slave-health.js';
import { toId } from '../../../src/protocol/ids.js';

const trouble = (build: number) => ({ build: toId.build(build), what: 'setup_build failed' });

function ailing(troubles: number, now = 0): Health {
  return Array.from({ length: troubles }, (_, n) => trouble(n + 1)).reduce(
    (health, one) => withTrouble(health, one, now),
    healthy,
  );
}

describe('the health of a slave', () => {
  it('is lost after three troubles in a row, and comes back when it has cooled off', () => {
    fc.assert(
      fc.property(fc.nat(10), fc.nat(2 * COOL_OFF_MS), (troubles, later) => {
        const isSick = sickness(ailing(troubles), later) !== null;
        expect(isSick).to.equal(troubles >= SICK_AFTER && later < COOL_OFF_MS);
      }),
    );
    expect(sickness(ailing(3), 0)).to.equal(
      '3 times in a row something went wrong here (setup_build failed); it is tried again in 5 min, or when it is restarted.',
    );
  });

  it('is on probation then: the next trouble makes it sick again', () => {
    expect(sickness(withTrouble(ailing(3), trouble(9), COOL_OFF_MS), COOL_OFF_MS)).to.be.a('string');
    const again = registeredAgain(ailing(3));
    expect(sickness(again, 0)).to.equal(null);
    expect(sickness(withTrouble(again, trouble(9), 1), 1)).to.be.a('string');
  });

  it('does not suffer from a build that could be run nowhere', () => {
    expect(sickness(exonerated(ailing(3), toId.build(2)), 0)).to.equal(null);
    expect(sickness(exonerated(ailing(3), toId.build(7)), 0)).to.be.a('string');
    expect(exonerated(ailing(1), toId.build(1))).to.deep.equal(healthy);
  });

  it('counts one build once, on however many executors it failed', () => {
    const health = withTrouble(ailing(2), trouble(2), 0);
    expect(sickness(health, 0)).to.equal(null);
    const vanished = { build: null, what: 'it vanished with work' };
    expect(sickness(withTrouble(withTrouble(ailing(1), vanished, 0), vanished, 0), 0)).to.be.a('string');
  });

  it('remembers no more than it needs', () => {
    expect(ailing(100).troubles).to.have.length(SICK_AFTER);
  });
});
