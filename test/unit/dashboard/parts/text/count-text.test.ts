import { expect } from 'chai';
import { countText } from '../../../../../src/dashboard/parts/text/count-text.js';

describe('a number of things', () => {
  it('is in the singular for one alone, and groups long numbers', () => {
    expect([0, 1, 2000].map((number) => countText(number, 'atom'))).to.deep.equal([
      '0 atoms',
      '1 atom',
      '2,000 atoms',
    ]);
  });
});
