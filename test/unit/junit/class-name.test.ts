import { expect } from 'chai';
import { classNameOf } from '../../../src/junit/class-name.js';

describe('classNameOf', () => {
  for (const [given, name, suites, isOnly, expected] of [
    // node:test
    ['test', 'adds', ['a', 'b'], false, 'a > b'],
    ['test', 'adds', ['a'], true, 'a'],
    ['test', 'adds', [], true, 'test'],
    // pytest, Surefire
    ['tests.test_shop', 'test_tax', ['pytest'], true, 'tests.test_shop'],
    ['com.example.Shop', 'pays', ['com.example.Shop'], true, 'com.example.Shop'],
    // packages of one last name
    ['util', 'TestTax', ['example.com/a/util'], false, 'example.com/a/util > util'],
    ['example.com/a/util', 'TestTax', ['example.com/a/util'], false, 'example.com/a/util'],
    // PHPUnit, Robot Framework
    ['Tests.ShopTest', 'testTax', ['Unit', 'Tests\\ShopTest'], true, 'Unit > Tests.ShopTest'],
    ['Root.Sub', 'Pays', ['Root', 'Sub'], true, 'Root.Sub'],
    // mocha
    ['is empty', 'a list is empty', ['Root Suite', 'a list'], true, 'Root Suite > is empty'],
    [undefined, 'x', ['', 'inner', 'inner'], true, 'inner'],
    [undefined, 'x', [], true, undefined],
  ] as const) {
    it(`is ${expected} for ${given} in ${suites.join(', ') || 'no suite'}`, () => {
      expect(classNameOf(given, name, suites, isOnly)).to.equal(expected);
    });
  }
});
