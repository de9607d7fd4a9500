import { expect } from 'chai';
import { Agent, request as ask } from 'undici';
import { toId } from '../../../../../src/protocol/ids.js';
import { contentDigestOf, signRequest } from '../../../../../src/protocol/signing/signing.js';
import { type FakeMaster, startFakeMaster } from '../../../../support/fake-master.js';
import { named, pollRequest } from '../../../../support/named-slave.js';
import { signedAsRfc9421 } from '../../../../support/raw-request.js';
import { until } from '../../../../support/until.js';

describe('the requests of a slave', () => {
  let master: FakeMaster;
  afterEach(() => master.close());

  it('are limited in number, independent of other slaves', async () => {
    master = await startFakeMaster({ settings: { maxRequestsPerSlave: 3 } });
    const { slave_id: wild } = await master.client.registerSlave(named);
    const { slave_id: other } = await master.client.registerSlave({ ...named, instance: 'instance-2' });
    const held = [1, 2, 3].map((poll) =>
      master.client.askForWork(wild, { ...pollRequest, poll }).catch(() => undefined),
    );
    await until(() => master.service.waiting === 3);
    const refused = await signedAsRfc9421(master, 'POST', `/v1/slave/${wild}/work`, {
      ...pollRequest,
      poll: 4,
    });
    expect(refused.status).to.equal(429);
    expect(refused.body.code).to.equal('TOO_MANY_REQUESTS');
    expect(Number(refused.headers.get('retry-after'))).to.be.above(0);
    const others = master.client.askForWork(other, pollRequest).catch(() => undefined);
    await until(() => master.service.waiting === 4);
    await master.stop();
    await Promise.all([...held, others]);
  });

  it('all succeed when a thousand slaves of one address poll, wait and report at the same time', async () => {
    master = await startFakeMaster();
    const agent = new Agent({ connections: null, pipelining: 1, connect: { timeout: 60_000 } });
    const statuses = new Map<number, number>();
    let nonce = 0;
    const send = async (slave: number, path: string, body: object) => {
      const bytes = JSON.stringify(body);
      const target = `/v1/slave/${slave}${path}`;
      const digest = contentDigestOf(Buffer.from(bytes));
      nonce += 1;
      const signed = { method: 'POST', target, digest };
      const headers = {
        'content-type': 'application/json',
        ...signRequest(master.secret, signed, Date.now() / 1000, `nonce-of-thousand-${nonce}`),
      };
      const url = `${master.url}${target}`;
      const response = await ask(url, { method: 'POST', headers, body: bytes, dispatcher: agent });
      await response.body.dump();
      statuses.set(response.statusCode, (statuses.get(response.statusCode) ?? 0) + 1);
    };
    const slaves = Array.from({ length: 1000 }, (_, index) => index + 1);
    for (const slave of slaves) {
      const instance = `instance-${slave}`;
      const { slave_id } = await master.service.registerSlave({ ...named, instance });
      expect(slave_id).to.equal(toId.slave(slave));
    }
    const waiting = slaves.map((slave) =>
      send(slave, '/work', { ...pollRequest, instance: `instance-${slave}` }).catch(() => undefined),
    );
    await until(() => master.service.waiting === slaves.length);
    const lease = { lease_id: 1, attempt: 1 };
    const handback = { lease, reason: 'stopping', output: '' };
    await Promise.all(
      slaves.flatMap((slave) => [1, 2].map((build) => send(slave, `/build/${build}/handback`, handback))),
    );
    expect([...statuses.keys()].filter((status) => [429, 431, 503].includes(status))).to.deep.equal([]);
    expect([...statuses.values()].reduce((sum, count) => sum + count, 0)).to.equal(2 * slaves.length);
    await master.stop();
    await Promise.all(waiting);
    await agent.destroy();
  });
});
