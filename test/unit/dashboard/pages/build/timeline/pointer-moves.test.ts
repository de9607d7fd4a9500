import { expect } from 'chai';
import { PressedPointers } from '../../../../../../src/dashboard/pages/build/timeline/drawing/pointer-moves.js';

describe('pressed pointers', () => {
  it('move the view by the way of one, once it is clear that this is no click', () => {
    const pointers = new PressedPointers();
    pointers.press(1, 100);
    expect(pointers.move(1, 102)).to.equal(null);
    expect(pointers.isClick).to.equal(true);
    expect(pointers.move(1, 110)).to.deep.equal({ by: 10, factor: 1, around: 110 });
    expect(pointers.move(1, 130)).to.deep.equal({ by: 20, factor: 1, around: 130 });
    expect(pointers.isClick).to.equal(false);
  });

  it('zoom with the distance of two', () => {
    const pointers = new PressedPointers();
    pointers.press(1, 100);
    pointers.press(2, 200);
    expect(pointers.move(2, 300)).to.deep.equal({ by: 50, factor: 0.5, around: 200 });
  });

  it('are forgotten when they are released, and do nothing before they are pressed', () => {
    const pointers = new PressedPointers();
    expect(pointers.move(1, 50)).to.equal(null);
    pointers.press(1, 50);
    expect(pointers.isPressed).to.equal(true);
    pointers.release(1);
    expect(pointers.isPressed).to.equal(false);
    expect(pointers.move(1, 90)).to.equal(null);
  });
});
