import { Type } from '@sinclair/typebox';
import { expect } from 'chai';
import fc from 'fast-check';
import { lenient, lenientQuery } from '../../../../../src/master/http/body/lenient.js';
import { type Check, compileCheck } from '../../../../../src/master/http/validate.js';

const closed = { additionalProperties: false };
const schema = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    offset: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    wait: Type.Optional(Type.Number({ minimum: 0, maximum: 60 })),
  },
  closed,
);
const check: Check<object> = compileCheck(schema, 'query');

describe('a body', () => {
  it('loses fields that are null, except where null is a value of its own', () => {
    const fields = Type.Object({
      job: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      branch: Type.Optional(Type.String()),
    });
    expect(lenient(fields, { job: null, branch: null })).to.deep.equal({ job: null });
  });
});

describe('the query of a GET', () => {
  it('is accepted with any number, which is clamped to its bounds', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), (number) => {
        const query = lenientQuery(schema, { limit: String(number), offset: String(number) });
        check(query);
        const within = (least: number, most: number) => Math.min(most, Math.max(least, Number(number)));
        expect(query).to.deep.equal({ limit: within(1, 1000), offset: within(0, Number.MAX_SAFE_INTEGER) });
      }),
    );
    expect(lenientQuery(schema, { wait: '99.5' })).to.deep.equal({ wait: 60 });
    expect(lenientQuery(schema, { wait: '-0.5' })).to.deep.equal({ wait: 0 });
  });

  it('may have unknown parameters', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (texts) => {
        const { limit: _, offset: __, wait: ___, ...unknown } = texts;
        expect(lenientQuery(schema, { ...unknown, limit: '5' })).to.deep.equal({ limit: 5 });
      }),
    );
  });

  it('is refused with text that is no number, or given twice', () => {
    for (const text of ['', 'many', '1e3', '0x10', ' 1', ['1', '2']]) {
      expect(() => check(lenientQuery(schema, { limit: text })), String(text)).to.throw('"limit"');
    }
  });
});
