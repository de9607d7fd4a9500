import { expect } from 'chai';
import { withoutVersion } from '../../../../src/master/http/app.js';
import type { RouteDeclaration } from '../../../../src/protocol/route.js';
import { routes } from '../../../../src/protocol/routes.js';
import { bodyHmac } from '../../../../src/protocol/signing/signing.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { request, sendBytes, signed } from '../../../support/raw-request.js';

const directory = { type: 'directory', project_directory: '/p', job_name: 'Simple' } as const;

describe('the API', () => {
  let master: FakeMaster;
  beforeEach(async () => {
    master = await startFakeMaster();
  });
  afterEach(() => master.close());

  it('serves every declared route, with and without version, with and without a slash at the end', async () => {
    const declared: RouteDeclaration[] = Object.values(routes);
    for (const { method, path } of declared) {
      const concrete = path.replace(/[:*]\w+/g, '7');
      for (const variant of [concrete, withoutVersion(concrete), `${concrete}/`]) {
        const response = await request(master, method, variant);
        const isServed =
          response.body.error === undefined || !/^There is no \//.test(String(response.body.error));
        expect(isServed, `${method} ${variant}: ${response.body.error}`).to.equal(true);
        expect(response.status, `${method} ${variant}`).not.to.equal(405);
      }
    }
  });

  it('creates a build as documented', async () => {
    const response = await signed(master, 'POST', '/v1/build', directory);
    expect(response.status).to.equal(202);
    expect(response.body).to.deep.equal({ STATUS: 'SUCCESS', build_id: 1 });
    expect(master.service.changes).to.deep.equal([{ what: 'createBuild', build: 1, said: directory }]);
  });

  it('takes a body without a Content-Type for JSON, as existing clients send it', async () => {
    const bytes = JSON.stringify(directory);
    const digest = bodyHmac(master.secret, Buffer.from(bytes));
    const response = await sendBytes(
      master,
      `POST /build HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${bytes.length}\r\n` +
        `ClusterRunner-Message-Authentication-Digest: ${digest}\r\n\r\n${bytes}`,
    );
    expect(response).to.match(/^HTTP\/1\.1 202 /);
  });

  it('shows builds with their child routes', async () => {
    await master.client.createBuild(directory);
    const one = await request(master, 'GET', '/build/1/');
    expect(one.body).to.have.property('STATUS', 'SUCCESS');
    expect(one.body.child_routes).to.include({
      subjob: '/v1/build/:buildId/subjob',
      'artifacts.tar.gz': '/v1/build/:buildId/artifacts.tar.gz',
    });
    expect(one.body.build).to.include({ id: 1, status: 'BUILDING', result: null });
    const list = await request(master, 'GET', '/v1/build');
    expect(list.body).to.have.property('child_routes').that.deep.equals({ build: '/v1/build/:buildId' });
  });

  it('returns lists in pages', async () => {
    for (let n = 0; n < 3; n += 1) {
      await master.client.createBuild(directory);
    }
    const { body } = await request(master, 'GET', '/v1/build?offset=1&limit=1');
    expect(body).to.have.property('total', 3);
    expect(body.builds).to.be.an('array').with.lengthOf(1);
    expect(body.builds).to.have.nested.property('[0].id', 2);
  });

  it('tells health checks why the master cannot do its work', async () => {
    expect((await request(master, 'GET', '/healthz')).status).to.equal(200);
    master.service.problem = 'The disk is full.';
    const response = await request(master, 'GET', '/healthz');
    expect(response.status).to.equal(503);
    expect(response.body).to.include({ code: 'UNAVAILABLE', error: 'The disk is full.' });
  });

  it('names its version and session on every response, also on errors', async () => {
    for (const path of ['/v1/version', '/healthz', '/v1/build/9', '/nowhere', '/%zz']) {
      const { headers } = await request(master, 'GET', path);
      expect(headers.get('api-version'), path).to.equal('1');
      expect(headers.get('session-id'), path).to.equal('fake-session');
    }
  });

  it('refuses requests that expect another session', async () => {
    for (const header of ['Expected-Session-Id', 'Session-Id']) {
      const other = await request(master, 'GET', '/v1', { headers: { [header]: 'another' } });
      expect(other.status).to.equal(412);
      const same = await request(master, 'GET', '/v1', { headers: { [header]: 'fake-session' } });
      expect(same.status).to.equal(200);
    }
  });

  it('responds to HEAD as to GET, without a body', async () => {
    const head = await request(master, 'HEAD', '/v1/version');
    expect(head.status).to.equal(200);
    expect(Number(head.headers.get('content-length'))).to.be.above(10);
    expect((await request(master, 'HEAD', '/v1/build/9')).status).to.equal(404);
  });

  it('shows itself and its slaves at the root', async () => {
    await master.client.registerSlave({
      name: 'host:1',
      instance: 'instance-1',
      num_executors: 2,
      url: null,
      version: '1',
    });
    const { body } = await request(master, 'GET', '/');
    expect(body.master).to.include({ version: '1.2.3', session_id: 'fake-session' });
    expect(body.slaves).to.have.nested.property('[0].name', 'host:1');
  });

  describe('refuses, with a message that says why,', () => {
    const cases: [what: string, method: string, path: string, status: number, sentence: RegExp][] = [
      ['a path that it does not have', 'GET', '/v1/bulid', 404, /\/v1\/bulid/],
      ['a build that is not there', 'GET', '/v1/build/7', 404, /no build 7/],
      ['an id that is no number', 'GET', '/v1/build/abc', 400, /"buildId".*integer/],
      ['an id that is too large', 'GET', '/v1/build/99999999999999999999', 400, /"buildId"/],
      ['an id in another notation', 'GET', '/v1/build/0x1', 400, /"buildId"/],
      ['an id below the first', 'GET', '/v1/build/0', 400, /"buildId"/],
      ['a broken escape', 'GET', '/v1/build/%E0%A4', 400, /%25/],
      ['a query given twice', 'GET', '/v1/build?limit=1&limit=2', 400, /"limit"/],
      ['a page of no number', 'GET', '/v1/build?limit=many', 400, /"limit"/],
    ];
    for (const [what, method, path, status, sentence] of cases) {
      it(what, async () => {
        const response = await request(master, method, path);
        expect(response.status).to.equal(status);
        expect(response.body).to.have.property('STATUS', 'FAILURE');
        expect(response.body.error).to.match(sentence);
      });
    }

    it('a method that the path does not have, and names those that it has', async () => {
      const response = await request(master, 'DELETE', '/v1/build');
      expect(response.status).to.equal(405);
      expect(response.headers.get('allow')?.split(', ')).to.have.members(['GET', 'HEAD', 'POST']);
      expect((await request(master, 'PROPFIND', '/v1/build')).status).to.equal(405);
    });
  });

  it('refuses a query with too many parameters before it is parsed', async () => {
    const tooMany = await request(master, 'GET', `/v1/build?${'a&'.repeat(7000)}`);
    expect(tooMany.status).to.equal(400);
    expect(tooMany.body.error).to.contain('more than the 100 parameters');
    expect((await request(master, 'GET', `/v1/build?${'a&'.repeat(99)}`)).status).to.equal(200);
  });

  it('hides an internal error, and logs it with its stack', async () => {
    master.service.broken = new TypeError('password is hunter2');
    const response = await request(master, 'GET', '/v1/build');
    expect(response.status).to.equal(500);
    expect(response.body.error).not.to.contain('hunter2');
    const line = master.logged.find(({ requestId }) => requestId !== undefined);
    expect(response.body.error).to.contain(String(line?.requestId));
    expect(line?.err).to.have.property('stack').that.contains('hunter2');
  });
});
