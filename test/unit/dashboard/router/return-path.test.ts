import { expect } from 'chai';
import fc from 'fast-check';
import { isPagePath } from '../../../../src/dashboard/router/page-paths.js';
import { returnPath } from '../../../../src/dashboard/router/return-path.js';

describe('the path to return to after signing in', () => {
  it('is that of the page that was left, with its query and fragment', () => {
    expect(returnPath('/ui/build/7/atoms?q=a#L1')).to.equal('/ui/build/7/atoms?q=a#L1');
    expect(returnPath('/')).to.equal('/');
  });

  it('is that of the builds instead of another site, the API, or the page to sign in', () => {
    const others = [
      null,
      '//evil.example/ui/',
      'https://evil.example/ui/x',
      '/\\evil.example/ui',
      '/v1/build',
    ];
    for (const path of [...others, 'javascript:alert(1)', '/ui/login?to=/ui/login', '/ui/../v1']) {
      expect(returnPath(path), String(path)).to.equal('/ui/builds');
    }
  });

  it('never leaves the pages of the dashboard', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webPath(), fc.webUrl()), (text) => {
        const url = new URL(returnPath(text), 'http://here');
        expect(url.origin).to.equal('http://here');
        expect(isPagePath(url.pathname)).to.equal(true);
      }),
    );
  });
});
