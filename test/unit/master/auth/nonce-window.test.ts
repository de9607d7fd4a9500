import { expect } from 'chai';
import fc from 'fast-check';
import { NonceWindow } from '../../../../src/master/auth/nonce-window.js';

const BEGIN = 1_700_000_000;
/** A step of the wall clock in seconds, and how much of it has really passed. */
const steps = fc.array(
  fc.record({ jump: fc.integer({ min: -4000, max: 4000 }), passed: fc.integer({ min: 0, max: 30 }) }),
  { maxLength: 20 },
);

describe('the memory of nonces', () => {
  it('remembers each nonce for two minutes, however the clock is set meanwhile', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const memory = new NonceWindow();
        memory.remember('nonce', BEGIN + 60, 0);
        let passed = 0;
        for (const step of all) {
          passed += step.passed;
          memory.forgetExpired(BEGIN + passed + step.jump, passed * 1000);
          if (passed <= 120) {
            expect(memory.remember('nonce', BEGIN + 60, passed * 1000)).to.equal(false);
          }
        }
      }),
    );
  });

  it('remembers a nonce from a clock that is ahead until its time has passed', () => {
    const memory = new NonceWindow();
    memory.remember('nonce', BEGIN + 3600, 0);
    memory.forgetExpired(BEGIN + 600, 600_000);
    expect(memory.remember('nonce', BEGIN + 3600, 600_000)).to.equal(false);
  });

  it('forgets all nonces at the end, and returns the second before which none is left', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 300 }), { minLength: 1 }), (seconds) => {
        const memory = new NonceWindow();
        seconds.forEach((second, at) => {
          memory.remember(`nonce ${at}`, BEGIN + second, second * 1000);
        });
        const end = BEGIN + 1000;
        expect(memory.forgetExpired(end, 1_000_000)).to.equal(end);
        expect(memory.forgetExpired(end, 1_000_000)).to.equal(null);
        expect(memory.remember('nonce 0', end, 1_000_000)).to.equal(true);
      }),
    );
  });

  it('returns no second after which it still remembers a nonce', () => {
    const memory = new NonceWindow();
    memory.remember('old', BEGIN, 0);
    memory.remember('newer', BEGIN + 5, 100_000);
    expect(memory.forgetExpired(BEGIN + 100, 130_000)).to.equal(BEGIN + 5);
  });
});
