import { expect } from 'chai';
import { overdueAfter } from '../../../../src/domain/scheduling/straggler.js';

describe('a straggler', () => {
  it('has run for three deviations more than usual', () => {
    expect(overdueAfter({ expected: 100, stdDev: 30 }, 0)).to.equal(190);
  });

  it('has run for half as long again, however little it varies', () => {
    expect(overdueAfter({ expected: 100, stdDev: 0 }, 0)).to.equal(150);
  });

  it('has run for some seconds at least', () => {
    expect(overdueAfter({ expected: 0.1, stdDev: 0.1 }, 0)).to.equal(5);
  });

  it('has run for so long that it could have been set up and run on another slave', () => {
    expect(overdueAfter({ expected: 100, stdDev: 0 }, 600)).to.equal(700);
  });

  it('cannot be told without any estimate', () => {
    expect(overdueAfter({ expected: null, stdDev: 0 }, 0)).to.equal(null);
  });
});
