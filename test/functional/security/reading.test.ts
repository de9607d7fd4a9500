import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { RouteDeclaration } from '../../../src/protocol/route.js';
import { routes } from '../../../src/protocol/routes.js';
import { makeAccessToken } from '../../../src/protocol/signing/access-token.js';
import { Cluster } from '../../support/cluster.js';
import { writeFiles } from '../../support/project.js';
import { plain, type SignedRequest, sendTo } from '../../support/signed-request.js';
import { eventually } from '../../support/wait.js';

const declared: RouteDeclaration[] = Object.values(routes);
const reading = declared.filter(({ method, isOpen }) => method === 'GET' && isOpen !== true);
const JOB = 'Say: {atomizers: [{N: echo 1}], commands: [echo "a line of $N"]}\n';
const CONSOLE = '/v1/build/1/atom/0/console';

describe('a master with signed reads', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.create();
    await cluster.startMaster(['-p', '0'], { env: { CLUSTERRUNNER_READ_ACCESS: 'signed' } });
    await cluster.startSlave(1);
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': JOB });
    const { exitCode, stdout, stderr } = await cluster.build([]);
    expect(exitCode, stdout + stderr).to.equal(0);
  });
  after(() => cluster.stop());

  const send = (request: SignedRequest) => sendTo(cluster.master.url, request);
  const tokenOf = async (...args: readonly string[]) => {
    const { exitCode, stdout, stderr } = await cluster.run(['token', ...args]).ended;
    expect(exitCode, stderr).to.equal(0);
    return stdout.trim();
  };

  it('refuses every read without a signature or a token', async () => {
    for (const { path } of reading) {
      const target = path.replace(/[:*]\w+/g, '1');
      for (const where of [target, target.replace('/v1', '') || '/', `${target}/`]) {
        const reply = await send(plain(where));
        expect(reply.status, where).to.equal(401);
        expect(reply.body, where).to.have.all.keys('STATUS', 'code', 'error');
      }
    }
    expect((await send(plain(CONSOLE))).error).to.match(/clusterrunner token/);
    expect((await send({ ...plain(CONSOLE), method: 'HEAD' })).status).to.equal(401);
    expect((await send(plain('/healthz'))).status).to.equal(200);
  });

  it('serves clients that have the secret', async () => {
    const status = await cluster.run(['status', '--json', '-m', cluster.master.url]).ended;
    expect(status.exitCode, status.stderr).to.equal(0);
    const listed = await cluster.run(['console', '1', '0']).ended;
    expect(listed.stdout, listed.stderr).to.contain('a line of 1');
  });

  it('serves a token in a header or in the address', async () => {
    const token = await tokenOf('--expires-in', '1h');
    expect((await send(plain(CONSOLE, { authorization: `Bearer ${token}` }))).body.content).to.contain(
      'a line',
    );
    expect((await send(plain(`${CONSOLE}?max_lines=5&token=${token}`))).body.content).to.contain('a line');
    expect((await send(plain('/v1/metrics', { authorization: `Bearer ${token}` }))).status).to.equal(200);
  });

  it('gives a browser that came with a token a cookie that no script can read and no page can use', async () => {
    const token = await tokenOf();
    const first = await send(plain(`/v1?token=${token}`));
    const cookie = first.headers.get('set-cookie') ?? '';
    expect(cookie).to.match(
      /^clusterrunner_session_\d+=crt1\.[^;]+; Max-Age=2\d{6}; Path=\/; SameSite=Strict; HttpOnly$/,
    );
    const [sent = ''] = cookie.split(';');
    expect((await send(plain(CONSOLE, { cookie: sent }))).status).to.equal(200);
    const body = Buffer.from('{"status":"canceled"}');
    const change = await send({ method: 'PUT', target: '/v1/build/1', headers: { cookie: sent }, body });
    expect(change.status).to.equal(403);
    const origin = new URL(cluster.master.url).origin;
    const ofPage = await send({
      method: 'PUT',
      target: '/v1/build/1',
      headers: { cookie: sent, origin },
      body,
    });
    expect(ofPage.status).to.equal(401);
  });

  it('lets no token change anything', async () => {
    const token = await tokenOf();
    for (const { method, path } of declared.filter(({ signing }) => signing !== 'none')) {
      const target = `${path.replace(/[:*]\w+/g, '1')}?token=${token}`;
      const reply = await send({
        method,
        target,
        headers: { authorization: `Bearer ${token}` },
        body: Buffer.from('{}'),
      });
      expect(reply.status, target).to.equal(401);
    }
  });

  it('refuses a token that has expired, was changed, or belongs to another secret', async () => {
    const now = Math.floor(Date.now() / 1000);
    const expired = await send(plain(`/v1?token=${makeAccessToken('read', cluster.secret, now - 1)}`));
    expect(expired.status).to.equal(401);
    expect(expired.error).to.match(/expired/);
    const token = makeAccessToken('read', cluster.secret, now + 100);
    const longer = token.replace(String(now + 100), String(now + 100_000));
    for (const wrong of [longer, makeAccessToken('read', 'another secret', now + 100), 'crt1', '']) {
      expect((await send(plain('/v1', { authorization: `Bearer ${wrong}` }))).status, wrong).to.equal(401);
    }
  });

  it('refuses a token once its secret is gone', async () => {
    const token = await tokenOf();
    const conf = join(cluster.baseDirectory, 'clusterrunner.conf');
    const write = (...lines: readonly string[]) => {
      writeFileSync(`${conf}.new`, `[general]\n${lines.join('\n')}\n`, { mode: 0o600 });
      renameSync(`${conf}.new`, conf);
    };
    const status = async () => (await send(plain('/v1', { authorization: `Bearer ${token}` }))).status;
    write('secret = the next secret', `previous_secret = ${cluster.secret}`);
    expect(await status()).to.equal(200);
    write('secret = the next secret');
    await eventually('the token is refused', async () => (await status()) === 401);
    write(`secret = ${cluster.secret}`);
  });

  it('refuses to issue a token for an impossible time', async () => {
    for (const time of ['0d', '-1h', 'forever', '400d']) {
      const { exitCode, stderr } = await cluster.run(['token', `--expires-in=${time}`]).ended;
      expect(exitCode, time).to.equal(2);
      expect(stderr).to.match(/366d/);
    }
  });
});
