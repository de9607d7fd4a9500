import { expect } from 'chai';
import { historyLabel } from '../../../../../src/dashboard/parts/text/history-label.js';

describe('the label of an atom in the history', () => {
  it('is its value where all atoms set one variable', () => {
    expect(historyLabel('TEST=a=b.test', ['TEST'])).to.equal('a=b.test');
  });

  it('has the variable where there are several, or the value is blank', () => {
    expect(historyLabel('TEST=a', ['TEST', 'SPEC'])).to.equal('TEST=a');
    expect(historyLabel('TEST= ', ['TEST'])).to.equal('TEST= ');
  });
});
