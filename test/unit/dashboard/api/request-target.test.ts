import { expect } from 'chai';
import fc from 'fast-check';
import { requestTarget } from '../../../../src/dashboard/api/request-target.js';

describe('the target of a request', () => {
  it('has the parameters of the path and the given part of the query', () => {
    const target = requestTarget('/v1/build/:buildId/atom', { buildId: 7 }, { limit: 5, q: undefined });
    expect(target).to.equal('/v1/build/7/atom?limit=5');
  });

  it('keeps the slashes of the rest of a path', () => {
    const target = requestTarget(
      '/v1/build/:buildId/artifact/:folder/*path',
      { buildId: 1, folder: 'a_0_0', path: 'x y/z?' },
      {},
    );
    expect(target).to.equal('/v1/build/1/artifact/a_0_0/x%20y/z%3F');
  });

  it('carries every text unchanged', () => {
    const text = fc.string({ unit: 'grapheme' });
    // No URL can carry these as a part of its path.
    const part = text.filter((name) => name !== '.' && name !== '..');
    fc.assert(
      fc.property(part, text, (name, q) => {
        const url = new URL(requestTarget('/v1/x/:name/y', { name }, { q }), 'http://master');
        expect(url.pathname.split('/').slice(3).join('/')).to.equal(`${encodeURIComponent(name)}/y`);
        expect(url.searchParams.get('q')).to.equal(q);
      }),
    );
  });
});
