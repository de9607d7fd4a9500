import { expect, describe, it } from 'vitest';
import { total } from '../shop.js';

describe('total', () => {
  it('adds prices', () => expect(total([1, 2.5])).toBe(3.5));
  it('is nothing without prices', () => expect(total([])).toBe(0));
});
