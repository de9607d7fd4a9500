import assert from 'node:assert';
import { total } from '../shop.js';

describe('tax', () => {
  it('is added', () => assert.equal(total([100], 0.19), 119));
});
