import { expect } from 'chai';
import type { RouteDeclaration } from '../../../../../src/protocol/route.js';
import { routes } from '../../../../../src/protocol/routes.js';
import { makeAccessToken, type TokenKind } from '../../../../../src/protocol/signing/access-token.js';
import { type FakeMaster, startFakeMaster } from '../../../../support/fake-master.js';
import { type RawResponse, request } from '../../../../support/raw-request.js';

type HeadersOf = Readonly<Record<string, string>>;

const soon = () => Math.floor(Date.now() / 1000) + 100;
const declared: RouteDeclaration[] = Object.values(routes);

/** The changes that a control token permits. */
const actions = [
  ['PUT', '/v1/build/1', { status: 'canceled' }],
  ['POST', '/v1/build/1/rerun', {}],
  ['POST', '/v1/build/1/rerun', { atoms: 'all' }],
  ['POST', '/v1/slave/1/shutdown', undefined],
] as const;

describe('a control token', () => {
  let master: FakeMaster;
  let host: string;
  let before: number;
  beforeEach(async () => {
    master = await startFakeMaster({ corsAllowedOrigins: 'https://ci\\.example\\.com' });
    host = new URL(master.url).host;
    await master.client.createBuild({ type: 'directory', project_directory: '/p' });
    await master.client.registerSlave({
      name: 'host:1',
      instance: 'instance-1',
      num_executors: 2,
      url: null,
      version: '1',
    });
    before = master.service.changes.length;
  });
  afterEach(() => master.close());

  const token = (kind: TokenKind = 'control', expires = soon()) =>
    makeAccessToken(kind, master.secret, expires);
  const cookie = (text = token(), port = new URL(master.url).port) => ({
    cookie: `clusterrunner_session_${port}=${text}`,
  });
  const own = () => ({ origin: master.url });
  const change = (method: string, path: string, body: unknown, headers: HeadersOf): Promise<RawResponse> =>
    request(master, method, path, {
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined || method === 'GET' ? {} : { body: JSON.stringify(body) }),
    });

  async function expectRefused(status: number, headers: HeadersOf, sentence: RegExp): Promise<void> {
    for (const [method, path, body] of actions) {
      const response = await change(method, path, body, headers);
      expect(response.status, `${method} ${path}`).to.equal(status);
      expect(response.body.error).to.match(sentence);
    }
    expect(master.service.changes.slice(before)).to.deep.equal([]);
  }

  async function expectPermitted(headers: HeadersOf): Promise<void> {
    for (const [method, path, body] of actions) {
      const response = await change(method, path, body, headers);
      expect(response.status, `${method} ${path}: ${response.body.error}`).to.be.within(200, 202);
    }
    const changes = master.service.changes.slice(before).map(({ what }) => what);
    expect(changes).to.deep.equal(['cancelBuild', 'createBuild', 'createBuild', 'drainSlaves']);
  }

  it('permits to cancel, to rerun and to drain', () =>
    expectPermitted({ authorization: `Bearer ${token()}` }));

  it('permits them in the cookie of a session, to a page of the master', () =>
    expectPermitted({ ...cookie(), ...own() }));

  it('permits them in the cookie of a session, to a page of an allowed origin', () =>
    expectPermitted({ ...cookie(), origin: 'https://ci.example.com' }));

  it('permits no other change', async () => {
    const headers = { authorization: `Bearer ${token()}`, ...own() };
    for (const { method, path } of declared.filter(
      (route) => route.signing !== 'none' && !route.byControlToken,
    )) {
      const target = path.replace(/[:*]\w+/g, '1');
      expect((await change(method, target, {}, headers)).status, `${method} ${target}`).to.equal(401);
    }
    expect(master.service.changes.slice(before)).to.deep.equal([]);
  });

  it('permits reading', async () => {
    const closed = await startFakeMaster({ settings: { readAccess: 'signed' } });
    try {
      const text = makeAccessToken('control', closed.secret, soon());
      const headers = { authorization: `Bearer ${text}` };
      expect((await request(closed, 'GET', '/v1', { headers })).status).to.equal(200);
    } finally {
      await closed.close();
    }
  });

  it('in a cookie changes nothing for a request without an origin, which any page can cause', () =>
    expectRefused(403, cookie(), /Origin/));

  it('in a cookie changes nothing for a page of another origin, also on another port of the machine', async () => {
    for (const origin of [
      'http://evil.example',
      'http://127.0.0.1:9',
      `http://${host}.evil.example`,
      'null',
    ]) {
      await expectRefused(403, { ...cookie(), origin }, /origin/);
    }
  });

  it('in the cookie of a master on another port changes nothing', () =>
    expectRefused(401, { ...cookie(token(), '9'), ...own() }, /not signed|Sign method/));

  it("as a browser's password changes nothing, since any page can make the browser send it", () =>
    expectRefused(
      401,
      { authorization: `Basic ${Buffer.from(`me:${token()}`).toString('base64')}`, ...own() },
      /not signed|Sign method/,
    ));

  it('in an address changes nothing', async () => {
    for (const [method, path, body] of actions) {
      const response = await change(method, `${path}?token=${token()}`, body, own());
      expect(response.status).to.be.within(400, 401);
    }
    expect(master.service.changes.slice(before)).to.deep.equal([]);
  });

  it('for reading changes nothing', async () => {
    await expectRefused(401, { authorization: `Bearer ${token('read')}` }, /only permits reading/);
    await expectRefused(401, { ...cookie(token('read')), ...own() }, /only permits reading/);
  });

  it('changes nothing when it has expired', () =>
    expectRefused(401, { ...cookie(token('control', soon() - 200)), ...own() }, /expired/));

  it('changes nothing when it was tampered with or made under another secret', async () => {
    const expires = soon();
    const longer = token('control', expires).replace(String(expires), String(expires + 1000));
    const promoted = token('read').replace('crt1', 'crc1');
    const other = makeAccessToken('control', 'another secret', expires);
    for (const wrong of [longer, promoted, other, 'crc1']) {
      await expectRefused(401, { authorization: `Bearer ${wrong}` }, /not one of this master/);
    }
  });

  it('is counted against its address when it is wrong', async () => {
    const limited = await startFakeMaster({ settings: { maxFailedSignatures: 2 } });
    try {
      const attempt = () =>
        request(limited, 'PUT', '/v1/build/1', { headers: { authorization: 'Bearer crc1' }, body: '{}' });
      const statuses = [await attempt(), await attempt(), await attempt()].map(({ status }) => status);
      expect(statuses).to.deep.equal([401, 401, 429]);
    } finally {
      await limited.close();
    }
  });

  it('does not replace a signature that is wrong', async () => {
    const headers = {
      'ClusterRunner-Message-Authentication-Digest': 'aa',
      authorization: `Bearer ${token()}`,
    };
    const response = await change('PUT', '/v1/build/1', { status: 'canceled' }, headers);
    expect(response.status).to.equal(401);
    expect(master.service.changes.slice(before)).to.deep.equal([]);
  });

  it('is named in the log with what it changed', async () => {
    await change('PUT', '/v1/build/1', { status: 'canceled' }, { authorization: `Bearer ${token()}` });
    const line = master.logged.find(({ signed }) => signed === 'control-token');
    expect(line?.msg).to.match(/PUT \/v1\/build\/1/);
    expect(JSON.stringify(master.logged)).not.to.contain('crc1');
  });
});
