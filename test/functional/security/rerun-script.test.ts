import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { fileEntry } from '../../../src/lib/formats/tar-header.js';
import { toId } from '../../../src/protocol/ids.js';
import { PROTOCOL } from '../../../src/protocol/slave/protocol-version.js';
import type { ResultReport, WorkRequest } from '../../../src/protocol/slave/slave-messages.js';
import { Cluster } from '../../support/cluster.js';
import { blocksOf } from '../../support/subjob-archive.js';

const build = toId.build(1);
const INSTANCE = 'a slave in the hands of another';

/** A slave whose machine belongs to an attacker. */
describe('the rerun script of an atom from a hostile slave', () => {
  let cluster: Cluster;
  let canary: string;
  beforeEach(async () => {
    cluster = await Cluster.create();
    await cluster.startMaster();
    canary = join(cluster.root, 'canary');
  });
  afterEach(() => cluster.stop());

  /** Takes a build of one atom, and returns a function that delivers its results. */
  async function taken() {
    const { client } = cluster;
    await client.createBuild({ type: 'directory', project_directory: '/project', job_name: 'Simple' });
    const { slave_id } = await client.registerSlave({
      name: 'hostile',
      instance: INSTANCE,
      num_executors: 1,
      url: null,
      version: '1.0.0',
      protocol: PROTOCOL,
    });
    let poll = 0;
    const ask = async (more: Partial<WorkRequest>) => {
      poll += 1;
      const request = {
        instance: INSTANCE,
        free_executors: 1,
        wait_seconds: 10,
        leases: [],
        builds: [],
        open_polls: [],
      };
      return (await client.askForWork(slave_id, { ...request, poll, ...more })).assignments[0];
    };
    const preparation = await ask({});
    expect(preparation?.kind).to.equal('prepare');
    await client.reportPrepared(slave_id, build, {
      lease: preparation?.lease ?? expect.fail('There is nothing to prepare.'),
      job: { name: 'Simple', definition: { commands: ['echo "this is $T"'], atomizers: [{ T: 'echo 1' }] } },
      commit: null,
      atoms: [{ variable: 'T', value: `it's "1"\n$(touch ${canary})` }],
    });
    const run = await ask({ builds: [build] });
    return async (name: string, ran: Partial<ResultReport['ran_in']> = {}) => {
      const time = new Date(0);
      const { content, index } = await blocksOf(
        Buffer.concat([
          ...fileEntry('artifact_0_0/clusterrunner_exit_code', Buffer.from('0\n'), 0o644, time),
          ...fileEntry(`artifact_0_0/${name}`, Buffer.from(`touch ${canary}\n`), 0o755, time),
        ]),
      );
      const archive = join(cluster.root, 'archive');
      writeFileSync(archive, content);
      const report: ResultReport = {
        lease: run?.lease ?? expect.fail('There is nothing to run.'),
        atoms: [{ id: toId.atom(0), exit_code: 0, actual_time: 1 }],
        ran_in: { project_directory: cluster.cwd, executor_index: 0, ...ran },
        index,
      };
      await client.deliverResult(slave_id, build, toId.subjob(0), report, archive);
    };
  }

  async function refusalOf(delivery: Promise<void>): Promise<string> {
    return delivery.then(
      () => 'It was taken.',
      (error: unknown) => String(error),
    );
  }

  it('is never the one that the slave sends: its results are refused, in whatever case the name is written', async () => {
    const deliver = await taken();
    for (const name of ['clusterrunner_command', 'CLUSTERRUNNER_COMMAND', 'clusterrunner_command/x']) {
      expect(await refusalOf(deliver(name))).to.match(
        /The result is refused: .* which only the master writes/,
      );
    }
    expect(await refusalOf(deliver('any', { project_directory: 'not absolute' }))).to.contain(
      'project_directory',
    );
    expect(await refusalOf(deliver('any', { executor_index: -1 }))).to.contain('executor_index');
    await deliver('any');
    expect(await cluster.client.getBuild(build)).to.include({ state: 'FINISHED', status: 'SUCCESS' });
  });

  it('runs the commands of the job and nothing that the slave wrote, in whatever form results are fetched', async () => {
    const deliver = await taken();
    await deliver('any', { project_directory: `/no\n'$(touch ${canary})'; touch ${canary} #` });
    const { exitCode, stderr } = await cluster.run(['results', '1', '-m', cluster.master.url]).ended;
    expect(exitCode, stderr).to.equal(0);
    const script = join(cluster.cwd, 'build_results', 'artifact_0_0', 'clusterrunner_command');
    const file = await fetch(`${cluster.master.url}/v1/build/1/artifact/artifact_0_0/clusterrunner_command`);
    expect(await file.text()).to.equal(readFileSync(script, 'utf8'));
    const listed = await fetch(`${cluster.master.url}/v1/build/1/artifact/artifact_0_0`);
    expect(await listed.text()).to.contain('clusterrunner_command');
    const env = { ARTIFACT_DIR: join(cluster.root, 'again') };
    const elsewhere = await cluster.runProgram('/bin/sh', [script], { env }).ended;
    expect(elsewhere.stderr).to.contain('Set PROJECT_DIR to a checkout of the project.');
    const here = await cluster.runProgram('/bin/sh', [script], { env: { ...env, PROJECT_DIR: cluster.cwd } })
      .ended;
    expect(here.stdout, here.stderr).to.equal(`this is it's "1"\n$(touch ${canary})\n`);
    expect(existsSync(canary)).to.equal(false);
  });
});
