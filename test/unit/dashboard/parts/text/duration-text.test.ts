import { expect } from 'chai';
import fc from 'fast-check';
import { agoText, durationText } from '../../../../../src/dashboard/parts/text/duration-text.js';

describe('a duration as text', () => {
  const cases: [seconds: number, text: string][] = [
    [-1, '0.0 s'],
    [0, '0.0 s'],
    [0.44, '0.4 s'],
    [9.94, '9.9 s'],
    [9.95, '10 s'],
    [59.4, '59 s'],
    [59.5, '1 m 00 s'],
    [185, '3 m 05 s'],
    [3599.6, '1 h 00 m'],
    [8040, '2 h 14 m'],
    [86_400, '1 d 0 h'],
    [273_600, '3 d 4 h'],
  ];
  for (const [seconds, text] of cases) {
    it(`is "${text}" for ${seconds} seconds`, () => {
      expect(durationText(seconds)).to.equal(text);
    });
  }

  it('never has sixty of a unit', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e7, noNaN: true }), (seconds) => {
        expect(durationText(seconds)).not.to.match(/\b60 [sm]|\b24 h/);
      }),
    );
  });
});

describe('how long ago a time is', () => {
  const cases: [ago: number, text: string][] = [
    [-5, 'just now'],
    [9, 'just now'],
    [59, '59 s ago'],
    [60, '1 m ago'],
    [3600, '1 h ago'],
    [172_799, '47 h ago'],
    [172_800, '2 d ago'],
  ];
  for (const [ago, text] of cases) {
    it(`is "${text}" after ${ago} seconds`, () => {
      expect(agoText(1_700_000_000 - ago, 1_700_000_000)).to.equal(text);
    });
  }
});
