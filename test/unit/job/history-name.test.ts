import { expect } from 'chai';
import fc from 'fast-check';
import { historyName, MAX_HISTORY_NAME } from '../../../src/job/history-name.js';

describe('the name of an atom in the history', () => {
  it('is its variable and value', () => {
    expect(historyName('TEST', 'tests/a b')).to.equal('TEST=tests/a b');
  });

  it('is short and whole characters, whatever the value', () => {
    const value = fc.string({ unit: 'grapheme', minLength: 900, maxLength: 1100 });
    fc.assert(
      fc.property(value, (text) => {
        const name = historyName('T', text);
        expect(name.length).to.be.at.most(MAX_HISTORY_NAME);
        expect(Buffer.from(name).toString()).to.equal(name);
      }),
    );
  });

  it('differs for long values that begin alike', () => {
    const long = 'x'.repeat(2 * MAX_HISTORY_NAME);
    expect(historyName('T', `${long}a`)).to.not.equal(historyName('T', `${long}b`));
  });
});
