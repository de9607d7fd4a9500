import { expect } from 'chai';
import { percentText } from '../../../../src/lib/text/percent-text.js';

describe('a part in percent', () => {
  for (const [part, text] of [
    [0, '0 %'],
    [0.001, '1 %'],
    [0.5, '50 %'],
    [0.999, '99 %'],
    [1, '100 %'],
  ] as const) {
    it(`is ${text} for ${part}`, () => {
      expect(percentText(part)).to.equal(text);
    });
  }
});
