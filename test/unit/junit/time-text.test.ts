import { expect } from 'chai';
import { timeText } from '../../../src/junit/time-text.js';

describe('timeText', () => {
  for (const [time, expected] of [
    ['0.25', '0.25'],
    ['1234.5', '1234.5'],
    ['1,234.567', '1234.567'],
    ['1,234,567.8', '1234567.8'],
    ['1,234', '1234'],
    ['1.234,567', '1234.567'],
    ['0,25', '0.25'],
    ['0,123', '0.123'],
    ['12,5', '12.5'],
    [' 1 ', '1'],
    ['1e-05', '1e-05'],
    ['', ''],
    ['soon', 'soon'],
  ] as const) {
    it(`takes "${time}" for "${expected}"`, () => {
      expect(timeText(time)).to.equal(expected);
    });
  }
});
