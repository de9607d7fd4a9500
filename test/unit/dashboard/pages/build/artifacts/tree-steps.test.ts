import { expect } from 'chai';
import fc from 'fast-check';
import { rowsOf, treeOf } from '../../../../../../src/dashboard/pages/build/artifacts/file-tree.js';
import { stepInTree } from '../../../../../../src/dashboard/pages/build/artifacts/tree-steps.js';

const root = treeOf(['a/b/c', 'a/d', 'e'].map((path) => ({ path, bytes: 1, link: null })));
/** The lines a/, a/b/, c, d, e. */
const rows = rowsOf(root, new Set(['a', 'a/b']));

describe('a key in the tree of files', () => {
  it('moves to the next and the previous line, and to both ends', () => {
    expect(stepInTree(rows, 0, 'ArrowDown')).to.deep.equal({ kind: 'move', to: 1 });
    expect(stepInTree(rows, 0, 'ArrowUp')).to.deep.equal({ kind: 'move', to: 0 });
    expect(stepInTree(rows, 2, 'End')).to.deep.equal({ kind: 'move', to: 4 });
    expect(stepInTree(rows, 2, 'Home')).to.deep.equal({ kind: 'move', to: 0 });
  });

  it('opens and closes folders, and leads into and out of them', () => {
    const closed = rowsOf(root, new Set());
    expect(stepInTree(closed, 0, 'ArrowRight')).to.deep.equal({ kind: 'toggle' });
    expect(stepInTree(rows, 0, 'ArrowRight')).to.deep.equal({ kind: 'move', to: 1 });
    expect(stepInTree(rows, 1, 'ArrowLeft')).to.deep.equal({ kind: 'toggle' });
    expect(stepInTree(rows, 2, 'ArrowLeft')).to.deep.equal({ kind: 'move', to: 1 });
    expect(stepInTree(rows, 3, 'ArrowLeft')).to.deep.equal({ kind: 'move', to: 0 });
    expect(stepInTree(rows, 4, 'ArrowRight')).to.equal(null);
  });

  it('opens what is at the line with Enter and Space', () => {
    expect(stepInTree(rows, 4, 'Enter')).to.deep.equal({ kind: 'activate' });
    expect(stepInTree(rows, 0, ' ')).to.deep.equal({ kind: 'activate' });
  });

  it('never leads out of the tree', () => {
    const keys = fc.constantFrom(
      'j',
      'k',
      'PageDown',
      'PageUp',
      'Home',
      'End',
      'ArrowLeft',
      'ArrowRight',
      'x',
    );
    fc.assert(
      fc.property(keys, fc.nat({ max: rows.length }), (key, active) => {
        const step = stepInTree(rows, active, key);
        if (step?.kind === 'move') {
          expect(step.to).to.be.within(0, rows.length - 1);
        }
      }),
    );
  });
});
