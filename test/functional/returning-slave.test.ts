import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { writeFiles } from '../support/project.js';

describe('a slave that starts again after it has left', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.create();
  });
  afterEach(() => cluster.stop());

  it('joins once, and reports no earlier process as dead', async () => {
    await cluster.startMaster(undefined, { env: { CLUSTERRUNNER_DEBUG: 'wire' } });
    const { program } = cluster.master;
    const registrations = () =>
      program.stderr.split('\n').filter((line) => / POST \/v1\/slave \{/.test(line));
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': 'J: {atomizers: [{N: seq 1}], commands: ["true"]}\n' });
    for (const _ of ['first', 'second']) {
      const slave = await cluster.startSlave(1);
      // A slave that has run a build has said all that it says when it joins.
      await cluster.build([]);
      slave.signal('SIGTERM');
      await slave.ended;
    }
    expect(registrations()).to.have.length(2);
    expect(registrations().join('\n')).to.not.contain('"replaces"');
  });
});
