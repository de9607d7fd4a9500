import { expect } from 'chai';
import fc from 'fast-check';
import { atomName, variablesOfAtoms } from '../../../src/job/atom-name.js';
import { commandString } from '../../../src/job/command-string.js';

describe('atomName', () => {
  it('is the value of an atom, whatever characters it has', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        fc.pre(value.trim() !== '');
        expect(atomName(commandString({ variable: 'T', value }), ['T'])).to.equal(value);
      }),
    );
  });

  it('has the variable where the atoms set several, and where the value is blank', () => {
    const text = commandString({ variable: 'T', value: '$PROJECT_DIR/a b' });
    expect(atomName(text, ['T', 'U'])).to.equal('T=$PROJECT_DIR/a b');
    expect(atomName(text, undefined)).to.equal('$PROJECT_DIR/a b');
    expect(atomName(commandString({ variable: 'T', value: '' }), ['T'])).to.equal('T=');
  });

  it('is the text itself where that cannot be parsed', () => {
    expect(atomName('export T="$(date)";', ['T'])).to.equal('export T="$(date)";');
  });
});

describe('variablesOfAtoms', () => {
  const job = { commands: ['true'], atomizers: [{ A: 'a' }, { B: 'b' }, { A: 'c' }] };
  it('are those of the atomizers, each once', () => {
    expect(variablesOfAtoms(job, undefined)).to.deep.equal(['A', 'B']);
  });

  it('are those of the atoms of a request', () => {
    expect(variablesOfAtoms(job, [{ C: '1' }, { C: '2' }])).to.deep.equal(['C']);
    expect(variablesOfAtoms(job, ['1', { C: '2' }])).to.deep.equal(['A', 'C']);
  });
});
