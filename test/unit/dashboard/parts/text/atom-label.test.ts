import { expect } from 'chai';
import fc from 'fast-check';
import { atomLabel } from '../../../../../src/dashboard/parts/text/atom-label.js';
import { atomName } from '../../../../../src/job/atom-name.js';
import { commandString } from '../../../../../src/job/command-string.js';

const value = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom("'", '"', '\\', '$', '`', ' ', 'a', '\n', ';', '{', '}') }),
  fc.string().map((text) => `$PROJECT_DIR/${text}`),
);

describe('the label of an atom', () => {
  it('is the name that the command line shows', () => {
    fc.assert(
      fc.property(value, fc.constantFrom(['X'], ['X', 'Y']), (text, variables) => {
        const command = commandString({ variable: 'X', value: text });
        expect(atomLabel(command, variables)).to.equal(atomName(command, variables));
      }),
    );
  });

  it('is the whole text where only a shell could tell the value', () => {
    for (const command of ['export T="$(date)";', 'export T=a b;', 'T=1', 'export T="a$HOME";', '']) {
      expect(atomLabel(command, ['T'])).to.equal(command);
    }
  });

  it('takes linear time', () => {
    // In exponential or quadratic time this would exceed the test's timeout.
    for (const part of ['a', "''", '"a"', '\\a']) {
      const command = `export T=${part.repeat(200_000)}(`;
      expect(atomLabel(command, ['T'])).to.equal(command);
    }
  });
});
