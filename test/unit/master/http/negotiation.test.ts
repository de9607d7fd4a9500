import { expect } from 'chai';
import type { RouteDeclaration } from '../../../../src/protocol/route.js';
import { routes } from '../../../../src/protocol/routes.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { request, sendBytes, signed } from '../../../support/raw-request.js';

const directory = { type: 'directory', project_directory: '/p', job_name: 'Simple' } as const;
const declared: RouteDeclaration[] = Object.values(routes);
const OWN = 'application/vnd.clusterrunner.v1+json';
const concrete = (path: string) => path.replace(/[:*]\w+/g, '1');

describe('what the client accepts', () => {
  let master: FakeMaster;
  beforeEach(async () => {
    master = await startFakeMaster();
    await master.client.createBuild(directory);
    master.service.changes.length = 0;
  });
  afterEach(() => master.close());

  it('must be what the route has, and a response that says so is JSON', async () => {
    for (const { method, path, response } of declared) {
      const { status, body } = await request(master, method, concrete(path), {
        headers: { accept: 'image/png' },
      });
      if (response === 'redirect') {
        expect(status, path).to.be.oneOf([202, 302]);
      } else {
        expect(status, `${method} ${path}`).to.equal(406);
        expect(body).to.include({ STATUS: 'FAILURE', code: 'NOT_ACCEPTABLE' });
        const served = typeof response === 'string' ? response : 'application/json';
        expect(body.error).to.contain(served).and.contain('Accept');
      }
    }
    expect(master.service.changes).to.deep.equal([]);
  });

  it('may be any range that includes it', async () => {
    const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
    const cases: [path: string, accepts: string[], refused: string[]][] = [
      [
        '/v1/build/1',
        [
          '*/*',
          'application/*',
          'application/json',
          'application/json;charset=utf-8',
          browser,
          OWN,
          `text/html, ${OWN}; q=0.5`,
        ],
        ['text/html', 'application/json;q=0', 'text/event-stream', `${OWN};q=0`, `x${OWN}`],
      ],
      ['/v1/events', ['text/event-stream', 'text/*', browser], ['application/json']],
      ['/v1/metrics', ['text/plain', 'text/plain;version=0.0.4', browser], ['application/json']],
      [
        '/v1/build/1/artifacts.tar.gz',
        ['application/gzip', browser],
        ['application/json', 'application/zip'],
      ],
      ['/v1/build/1/artifacts.zip', ['application/zip', browser], ['application/gzip']],
      ['/v1/openapi.json', ['application/json', browser], ['application/yaml']],
    ];
    for (const [path, accepts, refused] of cases) {
      for (const accept of accepts) {
        const { status } = await request(master, 'GET', path, { headers: { accept } });
        expect(status, `${path} ${accept}`).to.be.within(200, 202);
      }
      for (const accept of refused) {
        const { status } = await request(master, 'GET', path, { headers: { accept } });
        expect(status, `${path} ${accept}`).to.equal(406);
      }
    }
    const head = 'Host: x\r\nConnection: close\r\n\r\n';
    expect(await sendBytes(master, `GET /v1/version HTTP/1.1\r\n${head}`)).to.match(/^HTTP\/1\.1 200 /);
  });
});

describe('the methods of a path', () => {
  let master: FakeMaster;
  beforeEach(async () => {
    master = await startFakeMaster();
  });
  afterEach(() => master.close());

  it('are named in the refusal of another method, at every path', async () => {
    for (const path of new Set(declared.map((route) => concrete(route.path)))) {
      const here = declared.filter((route) => concrete(route.path) === path);
      const possible = new Set(here.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])));
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH']) {
        if (!possible.has(method) && path !== '/v1/slave/shutdown') {
          const response = await request(master, method, path);
          expect(response.status, `${method} ${path}`).to.equal(405);
          expect(new Set(response.headers.get('allow')?.split(', '))).to.deep.equal(possible);
        }
      }
      const options = await request(master, 'OPTIONS', path);
      expect(options.status, path).to.equal(204);
      expect(options.headers.get('allow')).not.to.equal(null);
    }
  });
});

describe('the Content-Type of a body', () => {
  let master: FakeMaster;
  beforeEach(async () => {
    master = await startFakeMaster();
  });
  afterEach(() => master.close());

  it('is ignored where the digest authenticates the body', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'json',
      'Application/JSON; charset=utf-8',
    ]) {
      const response = await signed(master, 'POST', '/v1/build', directory, { 'content-type': type });
      expect(response.status, type).to.equal(202);
    }
    const wrong = {
      'content-type': 'text/plain',
      'ClusterRunner-Message-Authentication-Digest': 'a'.repeat(128),
    };
    expect((await signed(master, 'POST', '/v1/build', directory, wrong)).status).to.equal(401);
  });
});
