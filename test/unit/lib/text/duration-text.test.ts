import { expect } from 'chai';
import fc from 'fast-check';
import { agoText, durationText } from '../../../../src/lib/text/duration-text.js';

describe('a duration as text', () => {
  const cases: [seconds: number, text: string][] = [
    [-1, '0 s'],
    [0, '0 s'],
    [0.0004, '0 s'],
    [0.0005, '1 ms'],
    [0.0123, '12 ms'],
    [0.0994, '99 ms'],
    [0.0995, '0.1 s'],
    [0.44, '0.4 s'],
    [9.94, '9.9 s'],
    [9.95, '10 s'],
    [59.4, '59 s'],
    [59.5, '1 min 00 s'],
    [185, '3 min 05 s'],
    [3599.6, '1 h 00 min'],
    [8040, '2 h 14 min'],
    [86_400, '1 d 0 h'],
    [273_600, '3 d 4 h'],
  ];
  for (const [seconds, text] of cases) {
    it(`is "${text}" for ${seconds} seconds`, () => {
      expect(durationText(seconds)).to.equal(text);
    });
  }

  it('is above zero from half a millisecond on', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.0005, max: 1e7, noNaN: true }), (seconds) => {
        expect(durationText(seconds)).not.to.match(/^0(\.0)? /);
      }),
    );
  });

  it('never has sixty of a unit', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e7, noNaN: true }), (seconds) => {
        expect(durationText(seconds)).not.to.match(/\b60 (s|min)\b|\b24 h|\b100 ms/);
      }),
    );
  });
});

describe('how long ago a time is', () => {
  const cases: [ago: number, text: string][] = [
    [-5, 'just now'],
    [9, 'just now'],
    [59, '59 s ago'],
    [60, '1 min ago'],
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
