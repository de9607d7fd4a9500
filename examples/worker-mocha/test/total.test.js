import assert from 'node:assert';
import { total } from '../shop.js';

describe('total', () => {
  it('adds prices', () => assert.equal(total([1, 2.5]), 3.5));
  it('is nothing without prices', () => assert.equal(total([]), 0));
});
