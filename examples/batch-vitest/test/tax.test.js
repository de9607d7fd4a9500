import { expect, describe, it } from 'vitest';
import { total } from '../shop.js';

describe('tax', () => {
  it('is added', () => expect(total([100], 0.19)).toBe(119));
});
