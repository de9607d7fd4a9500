import { expect } from 'chai';
import { toId } from '../../../../src/protocol/ids.js';
import { bodyHmac } from '../../../../src/protocol/signing/signing.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { named } from '../../../support/named-slave.js';
import { request } from '../../../support/raw-request.js';
import { signedRequest } from '../../../support/signed-request.js';

describe('the log of a master', () => {
  let master: FakeMaster;
  const clock = new ManualClock();
  beforeEach(async () => {
    master = await startFakeMaster({ clock, trustedProxies: ['127.0.0.1'] });
  });
  afterEach(() => master.close());

  const lines = () => master.logged.map(({ msg }) => String(msg));
  const wrong = (address: string) =>
    request(master, 'POST', '/v1/build', {
      body: '{}',
      headers: {
        'x-forwarded-for': address,
        'content-type': 'application/json',
        'clusterrunner-message-authentication-digest': bodyHmac('another secret', Buffer.from('{}')),
      },
    });

  it('has the client of each change of builds and slaves, but no readers', async () => {
    const { client } = master;
    const { build_id: build } = await client.createBuild({
      type: 'directory',
      project_directory: '/p',
      job_name: 'J',
    });
    await client.getBuild(build);
    await client.listBuilds({});
    await client.cancelBuild(build);
    await client.registerSlave(named);
    await client.drainSlaves('all');
    expect(lines()).to.deep.equal([
      'Taken from 127.0.0.1: POST /v1/build.',
      `Taken from 127.0.0.1: PUT /v1/build/${build}.`,
      'Taken from 127.0.0.1: POST /v1/slave.',
      'Taken from 127.0.0.1: POST /v1/slave/shutdown.',
    ]);
    expect(master.logged[0]).to.include({ build, signed: 'http-signature', address: '127.0.0.1' });
  });

  it('does not report a refused change as made', async () => {
    const refused = await master.client.cancelBuild(toId.build(99)).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(Error);
    expect(lines()).to.deep.equal([]);
  });

  it('names an address with invalid digests once a minute', async () => {
    for (let i = 0; i < 5; i += 1) {
      expect((await wrong('192.0.2.1')).status).to.equal(401);
    }
    expect(lines()).to.deep.equal(['A request of 192.0.2.1 was refused: its digest is wrong.']);
    clock.advance(60_000);
    await wrong('192.0.2.1');
    expect(lines()).to.have.length(2);
  });

  it('names an address whose clock is off once a minute', async () => {
    const ahead = clock.now() / 1000 + 3600 - Date.now() / 1000;
    const { headers } = signedRequest(master.secret, 'POST', '/v1/build', {}, ahead);
    for (let i = 0; i < 2; i += 1) {
      const { status } = await request(master, 'POST', '/v1/build', {
        body: '{}',
        headers: { ...headers, 'x-forwarded-for': '192.0.2.7' },
      });
      expect(status).to.equal(401);
    }
    expect(lines()).to.deep.equal(['A request of 192.0.2.7 was refused: its clock is wrong.']);
  });

  it('is not filled by a sender with many addresses', async () => {
    for (let i = 1; i <= 40; i += 1) {
      await wrong(`192.0.${i}.1`);
    }
    expect(lines()).to.have.length(10);
    expect(lines().at(-1)).to.match(/^Requests of more addresses were refused/);
  });
});
