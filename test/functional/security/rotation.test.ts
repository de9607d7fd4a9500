import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { MasterClient } from '../../../src/client/master-client.js';
import { toId } from '../../../src/protocol/ids.js';
import { Cluster } from '../../support/cluster.js';
import { writeFiles } from '../../support/project.js';
import { eventually } from '../../support/wait.js';

/** Each atom adds a byte to the file. */
const jobThatCounts = (file: string) => `
Steps:
    atomizers: [{N: seq 24}]
    commands: [sleep 0.3, printf x >> ${file}]
`;

describe('the secret of a running cluster', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.create();
  });
  afterEach(() => cluster.stop());

  /** Each program has its own configuration, as on separate machines. */
  function conf(name: string, ...lines: readonly string[]): string {
    const file = join(cluster.root, `${name}.conf`);
    writeFileSync(`${file}.new`, `[general]\n${lines.join('\n')}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
    return file;
  }

  it('changes without a failed request while a build runs', async () => {
    const first = 'the first secret';
    const second = 'the second secret';
    const masterConf = conf('master', `secret = ${first}`);
    const slaveConf = conf('slave', `secret = ${first}`);
    const master = await cluster.startMaster(['-p', '0', '-c', masterConf]);
    const slave = cluster.run(['slave', '-m', master.url, '-e', '2', '-p', '0', '-c', slaveConf]);
    await slave.says(/^Slave is connected/m);
    const counted = join(cluster.root, 'counted');
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': jobThatCounts(counted) });
    const build = cluster.startBuild(['-c', slaveConf]);

    const doneBeyond = (count: number) =>
      eventually(
        `more than ${count} atoms have run`,
        () => existsSync(counted) && statSync(counted).size > count,
      );
    await doneBeyond(2);
    conf('master', `secret = ${second}`, `previous_secret = ${first}`);
    await doneBeyond(8);
    conf('slave', `secret = ${second}`);
    await doneBeyond(14);
    conf('master', `secret = ${second}`);

    const { exitCode, stdout, stderr } = await build.ended;
    expect(exitCode, stdout + stderr).to.equal(0);
    const metrics = await (await fetch(`${master.url}/v1/metrics`)).text();
    expect(metrics.split('\n').filter((line) => /_count\{.*status="[45]/.test(line))).to.deep.equal([]);
    expect(slave.stderr + master.program.stderr).not.to.match(/"level":(40|50)/);

    const old = new MasterClient({ url: master.url, secret: first });
    const refused = await old.cancelBuild(toId.build(1)).catch((error: unknown) => error);
    await old.close();
    expect(refused).to.have.property('code', 'UNAUTHENTICATED');
    expect(readFileSync(masterConf, 'utf8')).not.to.contain(first);
  });
});
