import { expect } from 'chai';
import { overdueAfter } from '../../../../src/domain/scheduling/straggler.js';

describe('a straggler', () => {
  it('has run for three standard deviations longer than the mean', () => {
    expect(overdueAfter({ expected: 100, stdDev: 30 }, 0)).to.equal(190);
  });

  it('has run for one and a half times the mean, however little it varies', () => {
    expect(overdueAfter({ expected: 100, stdDev: 0 }, 0)).to.equal(150);
  });

  it('has run for five seconds at least', () => {
    expect(overdueAfter({ expected: 0.1, stdDev: 0.1 }, 0)).to.equal(5);
  });

  it('has run for as long as setup and run take on another slave', () => {
    expect(overdueAfter({ expected: 100, stdDev: 0 }, 600)).to.equal(700);
  });

  it('is not found without any estimate', () => {
    expect(overdueAfter({ expected: null, stdDev: 0 }, 0)).to.equal(null);
  });
});
