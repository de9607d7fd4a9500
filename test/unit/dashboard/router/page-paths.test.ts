import { expect } from 'chai';
import fc from 'fast-check';
import {
  buildTabs,
  isPagePath,
  type PageTarget,
  pathTo,
  targetOf,
} from '../../../../src/dashboard/router/page-paths.js';
import { toId } from '../../../../src/protocol/ids.js';

const id = fc.integer({ min: 0, max: 999_999_999_999_999 });
const known: fc.Arbitrary<PageTarget> = fc.oneof(
  fc.record({
    page: fc.constantFrom(
      'builds' as const,
      'queue' as const,
      'fleet' as const,
      'jobs' as const,
      'login' as const,
    ),
  }),
  fc.record({
    page: fc.constant('build' as const),
    buildId: id.map(toId.build),
    tab: fc.constantFrom(...buildTabs),
  }),
  fc.record({ page: fc.constant('atom' as const), buildId: id.map(toId.build), atomId: id.map(toId.atom) }),
  fc.record({ page: fc.constant('job' as const), jobId: id.map(toId.job) }),
);

describe('the paths of pages', () => {
  it('lead to the page that they were made of', () => {
    fc.assert(
      fc.property(known, (target) => {
        expect(targetOf(pathTo(target))).to.deep.equal(target);
        expect(isPagePath(pathTo(target))).to.equal(true);
      }),
    );
  });

  it('are one for each page: any other path is unknown', () => {
    const parts = fc.array(
      fc.constantFrom('ui', 'build', 'builds', 'atom', 'job', 'overview', 'atoms', '7', '07', '', '-1', 'x'),
      {
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(parts, (names) => {
        const path = `/${names.join('/')}`;
        const target = targetOf(path);
        const isAlias = ['/', '/ui', '/ui/'].includes(path);
        expect(pathTo(target)).to.equal(isAlias ? '/ui/builds' : path);
      }),
    );
  });

  it('begin with the builds', () => {
    expect(targetOf('/')).to.deep.equal({ page: 'builds' });
  });

  it('contain no path of the API and no file', () => {
    for (const path of ['/v1', '/v1/build', '/build/1', '/uix', '/ui/assets/main.css']) {
      expect(isPagePath(path), path).to.equal(false);
    }
  });
});
