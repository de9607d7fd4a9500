import { expect } from 'chai';
import { LeaseTimes } from '../../../../src/slave/build/lease-times.js';
import { ManualClock } from '../../../support/manual-clock.js';

describe('the times of a lease on its slave', () => {
  const arrived = (takes?: string[]) => {
    const clock = new ManualClock();
    clock.advance(5_000);
    const assignment = takes === undefined ? {} : { takes };
    return { clock, times: new LeaseTimes(clock, assignment, clock.monotonic()) };
  };

  it('count from the arrival of the lease, whatever the clock for people is set to', () => {
    const { clock, times } = arrived(['something newer', 'times']);
    expect(times.beganAt(clock.monotonic())).to.deep.equal({ began: 0 });
    clock.advance(1_234.6);
    clock.set(0);
    expect(times.beganAt(clock.monotonic())).to.deep.equal({ began: 1.235 });
  });

  it('have the setup that the executor waited for', () => {
    const { clock, times } = arrived(['times']);
    clock.advance(2_000);
    const since = clock.monotonic();
    clock.advance(30_500);
    expect(times.setup(since)).to.deep.equal({ setup: { began: 2, seconds: 30.5 } });
  });

  it('have no setup that was done before', () => {
    const { clock, times } = arrived(['times']);
    const since = clock.monotonic();
    clock.advance(9);
    expect(times.setup(since)).to.deep.equal({});
  });

  it('name the executor', () => {
    expect(arrived(['times']).times.executor(3)).to.deep.equal({ executor_index: 3 });
  });

  for (const takes of [undefined, [], ['something newer']]) {
    it(`are empty for a master that takes ${JSON.stringify(takes) ?? 'nothing, since it is older'}`, () => {
      const { clock, times } = arrived(takes);
      clock.advance(60_000);
      expect([times.beganAt(clock.monotonic()), times.setup(5_000), times.executor(0)]).to.deep.equal([
        {},
        {},
        {},
      ]);
    });
  }
});
