import { expect } from 'chai';
import type { RouteDeclaration } from '../../../../src/protocol/route.js';
import { routes } from '../../../../src/protocol/routes.js';
import { bodyHmac, contentDigestOf, signRequest } from '../../../../src/protocol/signing/signing.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { request } from '../../../support/raw-request.js';

const build = JSON.stringify({ type: 'directory', project_directory: '/p', job_name: 'Simple' });
const register = JSON.stringify({
  name: 'host',
  instance: 'instance-1',
  num_executors: 1,
  url: null,
  version: '1',
});
const DIGEST = 'ClusterRunner-Message-Authentication-Digest';

describe('a request that changes anything', () => {
  let master: FakeMaster;
  let clock: ManualClock;
  beforeEach(async () => {
    clock = new ManualClock();
    master = await startFakeMaster({ clock, secrets: ['the new secret', 'the old secret'] });
  });
  afterEach(() => master.close());

  let nonces = 0;
  function partsOf(method: string, target: string, body: string, secret = master.secret) {
    nonces += 1;
    const digest = contentDigestOf(Buffer.from(body));
    return signRequest(secret, { method, target, digest }, clock.now() / 1000, `nonce-${nonces}-of-test`);
  }
  const post = (path: string, body: string, headers: Record<string, string>) =>
    request(master, 'POST', path, { body, headers: { 'content-type': 'application/json', ...headers } });

  it('is refused unsigned on every route, and nothing happens', async () => {
    const declared: RouteDeclaration[] = Object.values(routes);
    for (const { method, path, signing } of declared.filter((route) => route.signing !== 'none')) {
      const response = await request(
        master,
        method,
        path.replace(/[:*]\w+/g, '1'),
        method === 'GET' ? {} : { body: build },
      );
      expect(response.status, path).to.equal(401);
      expect(response.headers.get('www-authenticate'), path).to.equal('ClusterRunner');
      expect(response.body.error, path).to.match(signing === 'body-hmac' ? /HMAC-SHA512/ : /RFC 9421/);
    }
    expect(master.service.changes).to.deep.equal([]);
  });

  it('is accepted with any of the secrets, in either form', async () => {
    for (const secret of ['the new secret', 'the old secret']) {
      const digest = bodyHmac(secret, Buffer.from(build));
      expect((await post('/v1/build', build, { [DIGEST]: digest })).status).to.equal(202);
      expect((await post('/v1/build', build, partsOf('POST', '/v1/build', build, secret))).status).to.equal(
        202,
      );
    }
  });

  it('is refused under another secret or with another body', async () => {
    const attempts = [
      { [DIGEST]: bodyHmac('a wrong secret', Buffer.from(build)) },
      { [DIGEST]: bodyHmac(master.secret, Buffer.from(`${build} `)) },
      { [DIGEST]: '' },
      partsOf('POST', '/v1/build', build, 'a wrong secret'),
      partsOf('POST', '/v1/build', `${build} `),
      partsOf('POST', '/build', build),
      partsOf('PUT', '/v1/build', build),
    ];
    for (const headers of attempts) {
      expect((await post('/v1/build', build, headers)).status, JSON.stringify(headers)).to.equal(401);
    }
    expect(master.service.changes).to.deep.equal([]);
  });

  it('is refused on routes of slaves with an HMAC of the body alone', async () => {
    const digest = bodyHmac(master.secret, Buffer.from(register));
    expect((await post('/v1/slave', register, { [DIGEST]: digest })).status).to.equal(401);
  });

  it('is accepted once', async () => {
    const headers = partsOf('POST', '/v1/slave', register);
    expect((await post('/v1/slave', register, headers)).status).to.equal(201);
    const again = await post('/v1/slave', register, headers);
    expect(again.status).to.equal(401);
    expect(again.body.error).to.match(/received before/);
    expect(master.service.changes).to.have.lengthOf(1);
  });

  it('is refused long after it was signed', async () => {
    const headers = partsOf('POST', '/v1/slave', register);
    clock.advance(61_000);
    const late = await post('/v1/slave', register, headers);
    expect(late.status).to.equal(401);
    expect(late.body.error).to.match(/clocks/);
  });

  it('may be signed without the version in its path', async () => {
    expect((await post('/slave', register, partsOf('POST', '/slave', register))).status).to.equal(201);
  });

  it('may not have a body where none is declared', async () => {
    const response = await request(master, 'DELETE', '/v1/slave/1', {
      body: '{}',
      headers: partsOf('DELETE', '/v1/slave/1', '{}'),
    });
    expect(response.status).to.equal(400);
  });

  it('is accepted with a valid signature from an address that sent any number of invalid ones', async () => {
    await master.close();
    master = await startFakeMaster({ clock, settings: { maxFailedSignatures: 3 } });
    const wrong = async (headers: Record<string, string>) => (await post('/v1/build', build, headers)).status;
    const wrongDigest = { [DIGEST]: bodyHmac('a wrong secret', Buffer.from(build)) };
    const wrongParts = () => partsOf('POST', '/v1/build', build, 'a wrong secret');
    for (const expected of [401, 401, 401, 429]) {
      expect(await wrong(wrongDigest)).to.equal(expected);
    }
    // Each kind is counted separately.
    for (const expected of [401, 401, 401, 429]) {
      expect(await wrong(wrongParts())).to.equal(expected);
    }
    const digest = bodyHmac(master.secret, Buffer.from(build));
    expect((await post('/v1/build', build, { [DIGEST]: digest })).status).to.equal(202);
    expect((await post('/v1/build', build, partsOf('POST', '/v1/build', build))).status).to.equal(202);
  });

  it('is counted for the client that a trusted proxy names, and for the connection when no proxy is trusted', async () => {
    const wrongDigest = { [DIGEST]: bodyHmac('a wrong secret', Buffer.from(build)) };
    const from = async (client: string) =>
      (await post('/v1/build', build, { ...wrongDigest, 'x-forwarded-for': client })).status;
    for (const trustedProxies of [['127.0.0.1'], []]) {
      await master.close();
      master = await startFakeMaster({ clock, settings: { maxFailedSignatures: 1 }, trustedProxies });
      expect(await from('192.0.2.1')).to.equal(401);
      expect(await from('192.0.2.1')).to.equal(429);
      expect(await from('192.0.2.2')).to.equal(trustedProxies.length > 0 ? 401 : 429);
    }
  });
});
