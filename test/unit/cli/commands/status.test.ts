import { expect } from 'chai';
import { explanationText, slavesText } from '../../../../src/cli/commands/status.js';
import type { Explanation } from '../../../../src/protocol/build/explanation.js';
import { toId } from '../../../../src/protocol/ids.js';
import type { Slave } from '../../../../src/protocol/slave/slave-messages.js';
import { runningBuild } from '../../../support/running-build.js';

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

const running: Explanation = {
  build_id: toId.build(7),
  state: 'BUILDING',
  reasons: [{ reason: 'RUNNING', text: 'It runs on 1 executor.' }],
  num_executors: 4,
  num_executors_busy: 1,
  builds: [],
  running: [
    {
      subjob_id: toId.subjob(0),
      slave_id: toId.slave(7),
      slave: 'one',
      since: 90,
      duplicate: false,
      atoms: [],
    },
  ],
};

describe('the status of a build', () => {
  it('says why it has not ended, and what runs', () => {
    const text = explanationText(runningBuild, running, 100);
    expect(text).to.contain('It runs on 1 executor.').and.to.contain('subjob 0');
  });

  it('has only its end when it has ended since it was explained', () => {
    const text = explanationText({ ...runningBuild, state: 'FINISHED', result: 'SUCCESS' }, running, 100);
    expect(text).to.match(/^Build 7 ended with SUCCESS/);
    expect(text).not.to.match(/It runs|subjob 0/);
  });
});
