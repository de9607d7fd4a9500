import { expect } from 'chai';
import { buildTable } from '../../../../src/cli/commands/list.js';
import type { Build } from '../../../../src/protocol/build/build.js';
import { runningBuild } from '../../../support/running-build.js';

const NOW = 1_700_000_060;
const commit = '3f786850e387550fdab836ed7e6dc881de23001b';
const build: Build = {
  ...runningBuild,
  state_timestamps: { QUEUED: NOW - 60 },
  revision: { commit, branch: 'main', subject: 'Empty the cart', has_changes: true },
  request_params: {
    type: 'directory',
    job_name: 'Unit',
    project_directory: '/p',
    requested_by: 'ada@laptop',
  },
};

/** The cells of a row by their headings. */
function rowOf(one: Build): Record<string, string | undefined> {
  const [heads, cells] = buildTable([one], NOW, 'UTC')
    .split('\n')
    .map((line) => line.split(/ {2,}/));
  return Object.fromEntries((heads ?? []).map((head, column) => [head, cells?.[column]]));
}

describe('the list of builds', () => {
  it('tells a success without atoms from one that has tested something', () => {
    const passed: Build = { ...build, state: 'FINISHED', result: 'SUCCESS', num_atoms: 3, num_atoms_done: 3 };
    expect(rowOf(passed).RESULT).to.equal('SUCCESS');
    expect(rowOf({ ...passed, num_atoms: 0, num_atoms_done: 0 }).RESULT).to.equal('SUCCESS (no atoms)');
  });

  it('shows when a build was created, by whom, and which commit of which branch it tests', () => {
    expect(rowOf(build)).to.include({
      CREATED: '2023-11-14 22:13',
      TOOK: '1 min 00 s',
      BRANCH: 'main',
      COMMIT: '3f786850e387+',
      BY: 'ada@laptop',
      JOB: 'Unit',
    });
  });

  it('shows the requested commit as long as nothing else is known', () => {
    const asked: Build = {
      ...build,
      revision: null,
      request_params: { type: 'git', branch: 'next', hash: commit },
    };
    expect(rowOf(asked)).to.include({ BRANCH: 'next', COMMIT: '3f786850e387', BY: '-' });
    expect(rowOf({ ...build, revision: null })).to.include({ BRANCH: '-', COMMIT: '-' });
  });
});
