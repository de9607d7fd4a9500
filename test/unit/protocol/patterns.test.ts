import { expect } from 'chai';
import { isSafePattern } from 'redos-detector';
import { routes } from '../../../src/protocol/routes.js';
import { ResultReportSchema } from '../../../src/protocol/slave/slave-messages.js';

/** The patterns of all schemas below `value`, as ajv compiles them. */
function patternsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([key, below]) => {
    const own = key === 'pattern' && typeof below === 'string' ? [below] : [];
    const names = key === 'patternProperties' ? Object.keys(Object(below)) : [];
    return [...own, ...names, ...patternsIn(below)];
  });
}

const isFast = (pattern: string) => isSafePattern(pattern, { unicode: true, maxScore: 10 }).safe;

describe('the patterns of schemas', () => {
  it('take linear time for every text', () => {
    const patterns = [...new Set([...patternsIn(routes), ...patternsIn(ResultReportSchema)])];
    expect(patterns).to.include('^[A-Za-z_][A-Za-z0-9_]*$');
    expect(patterns.filter((pattern) => !isFast(pattern))).to.deep.equal([]);
  });

  it('with exponential time are found by this test', () => {
    for (const slow of ['^(a+)+$', '^([a-z]+)*x$', '^\\w+\\s*\\w+$', 'a+b']) {
      expect(isFast(slow), slow).to.equal(false);
    }
  });
});
