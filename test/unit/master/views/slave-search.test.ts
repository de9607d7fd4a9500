import { expect } from 'chai';
import { type SoughtSlave, searchSlaves } from '../../../../src/master/views/slave-search.js';
import type { SlaveOrder } from '../../../../src/protocol/slave/slave-list.js';

const slave = (id: number, facts: Partial<SoughtSlave> = {}): SoughtSlave => ({
  id,
  name: `slave-${id}`,
  version: '1.0.0',
  state: 'CONNECTED',
  reason: null,
  executorsInUse: 0,
  freeDiskBytes: 1000 * id,
  lastSeen: 100,
  ...facts,
});

const idsOf = (slaves: readonly SoughtSlave[]) => slaves.map(({ id }) => id);
const ordered = (slaves: readonly SoughtSlave[], order: SlaveOrder) => idsOf(searchSlaves(slaves, { order }));

describe('the search for slaves', () => {
  it('finds all of them by id unless something is sought', () => {
    expect(idsOf(searchSlaves([slave(3), slave(1), slave(2)], {}))).to.deep.equal([1, 2, 3]);
  });

  it('finds a text in names, versions and reasons, whatever its case', () => {
    const slaves = [
      slave(1, { name: 'Builder.example' }),
      slave(2, { version: '2.0.0-BUILD' }),
      slave(3, { reason: 'Its build failed three times.' }),
      slave(4),
    ];
    expect(idsOf(searchSlaves(slaves, { text: 'buiLD' }))).to.deep.equal([1, 2, 3]);
  });

  it('finds slaves in one of several states', () => {
    const slaves = [slave(1), slave(2, { state: 'SICK' }), slave(3, { state: 'GONE' })];
    expect(idsOf(searchSlaves(slaves, { states: new Set(['SICK', 'GONE']) }))).to.deep.equal([2, 3]);
  });

  it('orders names by the numbers in them', () => {
    expect(ordered([slave(10), slave(9), slave(100)], 'name')).to.deep.equal([9, 10, 100]);
  });

  it('has those that get no work first, and those that are gone last', () => {
    const slaves = [
      slave(1),
      slave(2, { state: 'GONE' }),
      slave(3, { state: 'DRAINING' }),
      slave(4, { state: 'SICK' }),
      slave(5, { state: 'SUSPECT' }),
    ];
    expect(ordered(slaves, 'trouble_first')).to.deep.equal([5, 4, 3, 1, 2]);
  });

  it('has the busiest, the fullest or the longest silent first', () => {
    expect(ordered([slave(1), slave(2, { executorsInUse: 3 })], '-busy')).to.deep.equal([2, 1]);
    expect(ordered([slave(1, { freeDiskBytes: null }), slave(2)], 'free_disk')).to.deep.equal([2, 1]);
    expect(ordered([slave(1), slave(2, { lastSeen: 50 })], 'last_seen')).to.deep.equal([2, 1]);
  });
});
