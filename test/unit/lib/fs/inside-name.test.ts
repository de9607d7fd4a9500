import { resolve } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { insideName } from '../../../../src/lib/fs/inside-name.js';

describe('insideName', () => {
  it('normalizes a path to its shortest form', () => {
    expect(insideName('./a//b/./c')).to.equal('a/b/c');
  });

  it('never returns a path outside of the folder', () => {
    const part = fc.constantFrom('..', '.', '', 'a', 'b..', '...', '/', '-');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const inside = insideName(parts.join('/'));
        if (inside !== null) {
          expect(resolve('/folder', inside).startsWith('/folder/')).to.equal(true);
          expect(insideName(inside)).to.equal(inside);
        }
      }),
    );
  });
});
