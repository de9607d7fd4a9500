import { expect } from 'chai';
import { deferred } from '../../../../src/lib/async/deferred.js';
import { Semaphore } from '../../../../src/lib/async/semaphore.js';
import { until } from '../../../support/until.js';

describe('Semaphore', () => {
  it('runs a limited number of calls at once, in order, and skips aborted ones', async () => {
    const places = new Semaphore(2);
    const begun: number[] = [];
    const ends = [0, 1, 2, 3].map(() => deferred<void>());
    const left = new AbortController();
    const staying = new AbortController().signal;
    const runs = ends.map(({ promise }, at) =>
      places
        .run(at === 2 ? left.signal : staying, async () => {
          begun.push(at);
          await promise;
          return at;
        })
        .catch((error: unknown) => error),
    );
    await until(() => begun.length === 2);
    left.abort(new Error('hung up'));
    expect(await runs[2]).to.have.property('message', 'hung up');
    ends[1]?.resolve();
    await until(() => begun.length === 3);
    expect(begun).to.deep.equal([0, 1, 3]);
    ends[0]?.resolve();
    ends[3]?.resolve();
    expect(await Promise.all([runs[0], runs[1], runs[3]])).to.deep.equal([0, 1, 3]);
    expect(await places.run(staying, async () => 'free')).to.equal('free');
  });
});
