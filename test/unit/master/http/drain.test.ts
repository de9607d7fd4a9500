import { expect } from 'chai';
import { bodyHmac } from '../../../../src/protocol/signing/signing.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { request, signed, signedAsRfc9421 } from '../../../support/raw-request.js';

describe('shutting slaves down', () => {
  let master: FakeMaster;
  beforeEach(async () => {
    master = await startFakeMaster();
    for (const name of ['a', 'b', 'c']) {
      const instance = `instance-${name}`;
      await master.client.registerSlave({ name, instance, num_executors: 1, url: null, version: '1' });
    }
    master.service.changes.length = 0;
  });
  afterEach(() => master.close());

  const draining = () =>
    [...master.service.slaves.values()].filter(({ state }) => state === 'DRAINING').map(({ name }) => name);

  it('drains one of them', async () => {
    const response = await signedAsRfc9421(master, 'POST', '/v1/slave/2/shutdown', undefined);
    expect(response.status).to.equal(200);
    expect(response.body).to.deep.equal({ STATUS: 'SUCCESS', slave_ids: [2] });
    expect(draining()).to.deep.equal(['b']);
  });

  it('is refused with an HMAC of the body alone, which would be valid for every slave', async () => {
    const headers = {
      'ClusterRunner-Message-Authentication-Digest': bodyHmac(master.secret, Buffer.alloc(0)),
    };
    const one = await request(master, 'POST', '/v1/slave/2/shutdown', { headers });
    expect(one.status).to.equal(401);
    expect((await signed(master, 'POST', '/v1/slave/shutdown', { shutdown_all: true })).status).to.equal(401);
    expect(draining()).to.deep.equal([]);
  });

  it('drains the named ones, or all', async () => {
    const some = await signedAsRfc9421(master, 'POST', '/v1/slave/shutdown', { slaves: [1, 3] });
    expect(some.body).to.deep.equal({ STATUS: 'SUCCESS', slave_ids: [1, 3] });
    expect(draining()).to.deep.equal(['a', 'c']);
    const all = await signedAsRfc9421(master, 'POST', '/v1/slave/shutdown', { shutdown_all: true });
    expect(all.body).to.have.property('slave_ids').that.deep.equals([1, 2, 3]);
    expect(draining()).to.deep.equal(['a', 'b', 'c']);
  });

  it('is refused without the secret, and nothing happens', async () => {
    for (const path of ['/v1/slave/1/shutdown', '/v1/slave/shutdown', '/slave/shutdown/']) {
      for (const headers of [{}, { 'ClusterRunner-Message-Authentication-Digest': '0'.repeat(128) }]) {
        const response = await request(master, 'POST', path, { body: '{"shutdown_all":true}', headers });
        expect(response.status, path).to.equal(401);
      }
    }
    expect(master.service.changes).to.deep.equal([]);
    expect(draining()).to.deep.equal([]);
  });

  it('is refused for an unknown slave, and drains none', async () => {
    const response = await signedAsRfc9421(master, 'POST', '/v1/slave/shutdown', { slaves: [1, 9] });
    expect(response.status).to.equal(404);
    expect(response.body.error).to.match(/no slave 9/);
    expect(draining()).to.deep.equal([]);
  });

  it('is refused with a message that names the field', async () => {
    const cases: [body: unknown, sentence: RegExp][] = [
      [{}, /an object with the field "slaves" or an object with the field "shutdown_all"/],
      [{ slaves: [] }, /"slaves".*fewer than 1/],
      [{ slaves: [0] }, /"slaves\.0"/],
      [{ slaves: 'all' }, /"slaves".*array/],
      [{ shutdown_all: false }, /"shutdown_all".*true/],
      [{ slaves: [1], force: true }, /Unknown field "force"/],
      [[], /body.*must be/],
    ];
    for (const [body, sentence] of cases) {
      const response = await signedAsRfc9421(master, 'POST', '/v1/slave/shutdown', body);
      expect(response.status, JSON.stringify(body)).to.equal(400);
      expect(response.body.error).to.match(sentence);
    }
    expect(master.service.changes).to.deep.equal([]);
  });
});
