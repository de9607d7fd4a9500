import { expect } from 'chai';
import { quantilesText } from '../../../../src/lib/text/quantiles-text.js';

describe('typical durations as text', () => {
  it('have the median and the bound of nearly all, as far as they are known', () => {
    expect(quantilesText({ p50_seconds: 1.24, p95_seconds: 61 })).to.equal(
      'median 1.2 s, 95 % within 1 min 01 s',
    );
    expect(quantilesText({ p50_seconds: 0.012, p95_seconds: null })).to.equal('median 12 ms');
    expect(quantilesText({ p50_seconds: null, p95_seconds: null })).to.equal(null);
  });
});
