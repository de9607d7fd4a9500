const { total } = require('../shop.js');

it('adds tax', () => expect(total([100], 0.19)).toBe(119));
