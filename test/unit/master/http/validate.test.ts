import { Type } from '@sinclair/typebox';
import { expect } from 'chai';
import fc from 'fast-check';
import { coerceTexts } from '../../../../src/master/http/validate.js';

const schema = Type.Object({ whole: Type.Integer(), part: Type.Number(), text: Type.String() });

describe('coerceTexts', () => {
  it('converts texts in the notation of numbers', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat(), fc.nat({ max: 999 }), (whole, before, after) => {
        const texts = { whole: String(whole), part: `${before}.${after}`, text: String(whole) };
        const expected = { whole, part: Number(`${before}.${after}`), text: String(whole) };
        expect(coerceTexts(schema, texts)).to.deep.equal(expected);
      }),
    );
  });

  it('leaves everything else to the check that follows', () => {
    const others = ['', ' 1', '01', '-1', '1e3', '0x10', '1.', '9007199254740993', 'NaN', '__proto__'];
    for (const other of others) {
      expect(coerceTexts(schema, { whole: other, part: other })).to.deep.equal({ whole: other, part: other });
    }
    const list = ['1', '2'];
    expect(coerceTexts(schema, { whole: list, unknown: '1' })).to.deep.equal({ whole: list, unknown: '1' });
  });
});
