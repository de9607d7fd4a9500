import { expect } from 'chai';
import fc from 'fast-check';
import { slaveLabels } from '../../../../../src/dashboard/parts/text/slave-labels.js';
import { toId } from '../../../../../src/protocol/ids.js';

const slave = (id: number, name: string) => ({ id: toId.slave(id), name });

describe('the labels of slaves', () => {
  it('are their names, with the ids where several have the same', () => {
    const slaves = [slave(1, 'ci'), slave(2, 'ci'), slave(3, 'gpu'), slave(3, 'gpu')];
    expect(slaves.map(slaveLabels(slaves))).to.deep.equal(['ci (#1)', 'ci (#2)', 'gpu', 'gpu']);
  });

  it('are as many as there are slaves', () => {
    const some = fc.uniqueArray(fc.record({ id: fc.nat(50), name: fc.constantFrom('a', 'b', 'c') }), {
      selector: ({ id }) => id,
    });
    fc.assert(
      fc.property(some, (found) => {
        const slaves = found.map(({ id, name }) => slave(id, name));
        expect(new Set(slaves.map(slaveLabels(slaves))).size).to.equal(slaves.length);
      }),
    );
  });
});
