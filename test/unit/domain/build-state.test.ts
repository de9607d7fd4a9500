import { expect } from 'chai';
import fc from 'fast-check';
import {
  detailsOf,
  enterState,
  isEnded,
  newBuild,
  resultOf,
  statusOf,
} from '../../../src/domain/build-state.js';
import { secondsLeft } from '../../../src/domain/scheduling/estimate.js';
import { buildState } from '../../../src/protocol/build/build.js';

const states = fc.array(fc.constantFrom(...buildState), { maxLength: 20 });

describe('the state of a build', () => {
  it('never changes after its end', () => {
    fc.assert(
      fc.property(states, (list) => {
        let build = newBuild(0);
        list.forEach((state, n) => {
          const wasEnded = isEnded(build.state);
          try {
            build = enterState(build, state, n + 1);
          } catch (error) {
            expect(String(error)).to.contain('cannot go from');
            return;
          }
          expect(wasEnded).to.equal(false);
          expect(build.timestamps[state]).to.equal(n + 1);
        });
      }),
    );
  });

  it('is a success only when it finished without a failed atom', () => {
    fc.assert(
      fc.property(fc.constantFrom(...buildState), fc.nat(3), (state, failed) => {
        const result = resultOf(state, failed);
        expect(result === 'SUCCESS').to.equal(state === 'FINISHED' && failed === 0);
        expect(result === null).to.equal(!isEnded(state));
        expect(statusOf(result) === 'BUILDING').to.equal(!isEnded(state));
      }),
    );
  });

  it('is described by the messages of the API', () => {
    expect(detailsOf('BUILDING', { done: 534, total: 637 })).to.equal(
      '534 of 637 subjobs are complete (83.8%).',
    );
    expect(detailsOf('FINISHED', { done: 0, total: 0 })).to.equal('0 of 0 subjobs are complete (100.0%).');
    expect(detailsOf('BUILDING', { done: 99_999, total: 100_000 })).to.contain('(99.9%)');
    for (const state of ['QUEUED', 'PREPARING', 'CANCELED', 'ERROR'] as const) {
      expect(detailsOf(state, null)).to.match(/^[A-Z].*\.$/);
    }
    expect(() => detailsOf('FINISHED', null)).to.throw('without its subjobs');
  });

  it('has an estimated end only with history and with an executor that works on it', () => {
    const rest = { seconds: 60, executors: 4, settingUp: 0, setupSeconds: null };
    expect(secondsLeft(rest)).to.equal(15);
    expect(secondsLeft({ ...rest, seconds: null })).to.equal(null);
    expect(secondsLeft({ ...rest, executors: 0 })).to.equal(null);
  });

  it('has an estimated end that includes the setup which remains, if its length is known', () => {
    const rest = { seconds: 60, executors: 4, settingUp: 2, setupSeconds: 10 };
    expect(secondsLeft(rest)).to.equal(20);
    expect(secondsLeft({ ...rest, settingUp: 4 })).to.equal(25);
    expect(secondsLeft({ ...rest, setupSeconds: null })).to.equal(15);
  });
});
