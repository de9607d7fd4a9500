import { expect } from 'chai';
import { slavesText } from '../../../../src/cli/commands/status.js';
import { toId } from '../../../../src/protocol/ids.js';
import type { Slave } from '../../../../src/protocol/slave/slave-messages.js';

const slave: Slave = {
  id: toId.slave(7),
  name: 'one',
  url: null,
  num_executors: 4,
  num_executors_in_use: 1,
  state: 'CONNECTED',
  reason: null,
  free_disk_bytes: null,
  num_unremovable: 0,
  current_builds: [],
  current_build_id: null,
  is_alive: true,
  is_in_shutdown_mode: false,
  session_id: '5e55',
  version: '1.0.0',
  last_seen: 0,
};

describe('the status of slaves', () => {
  it('is a table, with the reasons of those that get no work', () => {
    const sick: Slave = { ...slave, id: toId.slave(8), state: 'SICK', reason: 'The disk is full.' };
    expect(slavesText([slave, sick]).split('\n')).to.deep.equal([
      'SLAVE  NAME  STATE      BUSY  BUILDS',
      '7      one   CONNECTED  1/4   -',
      '8      one   SICK       1/4   -',
      '  slave 8: The disk is full.',
    ]);
    expect(slavesText([])).to.contain('No slave is connected');
  });
});
