import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { writeFiles } from '../support/project.js';

describe('CLUSTERRUNNER_DEBUG=wire', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.create();
  });
  afterEach(() => cluster.stop());

  const env = { CLUSTERRUNNER_DEBUG: 'wire' };

  it('shows each request and response of a slave on both sides, but neither the secret nor the token of a lease', async () => {
    const master = await cluster.startMaster(undefined, { env });
    const slave = await cluster.startSlave(1, { env });
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': 'J: {atomizers: [{N: seq 1}], commands: ["true"]}\n' });
    const { exitCode } = await cluster.build([]);
    expect(exitCode).to.equal(0);
    const received = master.program.stderr;
    expect(received).to.match(
      /^wire <- 127\.0\.0\.1 POST \/v1\/build \{.*\} = 202 in [\d.]+ ms \{.*"build_id":1.*\}$/m,
    );
    for (const [side, output] of Object.entries({ received, sent: slave.stderr })) {
      expect(output, side).to.match(/^wire (<-|->) \S+ POST \/v1\/slave \{.*\} = 20\d in [\d.]+ ms \{.*\}$/m);
      expect(output, side).to.contain('"token":"***"').and.not.contain(cluster.secret);
    }
  });

  it('is refused with a topic that does not exist', async () => {
    const { exitCode, stderr } = await cluster.run(['list'], { env: { CLUSTERRUNNER_DEBUG: 'wire,wires' } })
      .ended;
    expect(exitCode).to.equal(2);
    expect(stderr).to.contain('CLUSTERRUNNER_DEBUG names "wires"').and.contain('the topics are wire');
  });

  it('shows why a request of a client got no response', async () => {
    const { stderr } = await cluster.run(['list', '-m', 'http://127.0.0.1:1'], { env }).ended;
    expect(stderr).to.match(
      /^wire -> http:\/\/127\.0\.0\.1:1 GET \/v1\/build\S* failed after [\d.]+ ms: .*ECONNREFUSED.*$/m,
    );
  });
});
