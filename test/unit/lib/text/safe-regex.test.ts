import { expect } from 'chai';
import { saysHowItEnds } from '../../../../src/lib/text/safe-regex.js';

describe('SafeRegex', () => {
  for (const source of [
    '^https://a\\.b$',
    'https://a.*',
    'https://(a|b).+',
    '(a.*)',
    'a\\z',
    'https://a(:\\d+)*',
    'x{2,}',
  ]) {
    it(`${source} says how it ends`, () => expect(saysHowItEnds(source)).to.equal(true));
  }

  for (const source of ['https?://', 'https://a\\.b', '^http', 'a\\$', 'a\\*', 'https://a:\\d', '']) {
    it(`${source} may have been meant as a beginning`, () => expect(saysHowItEnds(source)).to.equal(false));
  }
});
