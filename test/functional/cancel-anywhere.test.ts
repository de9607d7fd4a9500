import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JobDefinition } from '../../src/protocol/build/job.js';
import type { BuildId } from '../../src/protocol/ids.js';
import { Cluster } from '../support/cluster.js';
import { writeFiles } from '../support/project.js';
import { eventually } from '../support/wait.js';

/** Also starts children in the background, and one that ignores TERM. */
const HANG = 'touch began; (trap "" TERM; sleep 1000) & sleep 1000 & sleep 1000';

describe('a build that is canceled', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.create();
    await cluster.startMaster();
  });
  afterEach(() => cluster.stop());

  const commands = () => cluster.processes().filter((line) => / 1000\b/.test(line));
  const isThere = (file: string) => existsSync(join(cluster.cwd, file));
  const create = async (config: JobDefinition): Promise<BuildId> => {
    const request = { type: 'directory', project_directory: cluster.cwd, job_name: 'J', config } as const;
    return (await cluster.client.createBuild(request)).build_id;
  };
  /** Cancels the build, and waits until nothing of it runs and the executor is free for another build. */
  const cancelAndFollow = async (id: BuildId) => {
    await cluster.client.cancelBuild(id);
    expect(await cluster.client.getBuild(id)).to.include({ state: 'CANCELED', result: 'FAILURE' });
    await eventually('no process of it is left', () => commands().length === 0, commands);
  };
  const expectFree = async () => {
    const next = await create({ commands: ['true'], atomizers: [{ N: 'seq 2' }] });
    await eventually('the next build has ended', async () => (await cluster.client.getBuild(next)).result);
    expect((await cluster.client.getBuild(next)).result).to.equal('SUCCESS');
  };
  const atomizers = [{ N: 'seq 3' }];

  it('never runs when it was queued', async () => {
    const id = await create({ commands: ['touch ran'], atomizers });
    await cancelAndFollow(id);
    await cluster.startSlave(1);
    await expectFree();
    expect(isThere('ran')).to.equal(false);
  });

  it('ends its atomizers when it was being prepared', async () => {
    await cluster.startSlave(1);
    const id = await create({
      commands: ['touch ran'],
      atomizers: [{ N: HANG }],
      teardown_build: ['touch torn'],
    });
    await eventually('the atomizer runs', () => isThere('began') && commands().length >= 3, commands);
    await cancelAndFollow(id);
    await expectFree();
    // No setup has started, so nothing is torn down.
    expect(isThere('torn')).to.equal(false);
  });

  it('ends its setup and tears down when it was being set up', async () => {
    await cluster.startSlave(1);
    const id = await create({
      setup_build: [HANG],
      commands: ['touch ran'],
      atomizers,
      teardown_build: ['touch torn'],
    });
    await eventually('the setup runs', () => isThere('began') && commands().length >= 3, commands);
    await cancelAndFollow(id);
    await eventually('the teardown has run', () => isThere('torn'));
    await expectFree();
    expect(isThere('ran')).to.equal(false);
  });

  it('ends its atoms and tears down when it was running', async () => {
    await cluster.startSlave(2);
    const id = await create({
      commands: [HANG],
      atomizers,
      teardown_build: ['touch torn'],
      setup_build: ['true'],
    });
    await eventually('two atoms run', () => commands().length >= 6, commands);
    await cancelAndFollow(id);
    await eventually('the teardown has run', () => isThere('torn'));
    await expectFree();
  });

  it('drops its results and tears down when they were being delivered', async () => {
    const slave = await cluster.startSlave(1);
    const id = await create({
      // While the master is away, only deliveries remain.
      commands: ['touch began; until [ -e go ]; do sleep 0.02; done'],
      atomizers: [{ N: 'seq 1' }],
      setup_build: ['true'],
      teardown_build: ['touch torn'],
    });
    await eventually('the atom runs', () => isThere('began'));
    const { port, program } = cluster.master;
    program.signal('SIGKILL');
    await program.ended;
    writeFiles(cluster.cwd, { go: '' });
    const outbox = join(cluster.baseDirectory, 'slaves', 'slave-1', 'outbox');
    await eventually('the result waits', () => waiting(outbox) > 0);
    slave.signal('SIGSTOP');
    await cluster.startMaster(['-p', String(port)]);
    await cluster.client.cancelBuild(id);
    slave.signal('SIGCONT');
    await eventually('nothing waits any more', () => waiting(outbox) === 0);
    await eventually('the teardown has run', () => isThere('torn'));
    expect(await cluster.client.getBuild(id)).to.include({ state: 'CANCELED', num_atoms_done: 0 });
    await expectFree();
  });
});

/** The number of results that a slave has yet to deliver. */
function waiting(outbox: string): number {
  return existsSync(outbox) ? readdirSync(outbox).filter((name) => name.endsWith('.json')).length : 0;
}
