import { expect } from 'chai';
import type { RouteDeclaration } from '../../../src/protocol/route.js';
import { routes } from '../../../src/protocol/routes.js';
import { Cluster } from '../../support/cluster.js';
import {
  digestedRequest,
  plain,
  type SignedRequest,
  sendTo,
  signedRequest,
} from '../../support/signed-request.js';

const declared: RouteDeclaration[] = Object.values(routes);
const changing = declared.filter(({ signing }) => signing !== 'none');
const order = { type: 'directory', project_directory: '/nowhere', job_name: 'Simple' };
const cancel = { status: 'canceled' };

describe('a captured signature', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start();
  });
  after(() => cluster.stop());

  const signed = (method: string, target: string, body?: unknown, ahead?: number) =>
    signedRequest(cluster.secret, method, target, body, ahead);
  const send = (request: SignedRequest) => sendTo(cluster.master.url, request);
  const builds = async () => Number((await send(plain('/v1/build'))).body.total);

  /** Sends a request that must be refused, and checks that nothing has changed. */
  async function expectRefused(request: SignedRequest, code = 'UNAUTHENTICATED'): Promise<void> {
    const before = await builds();
    const reply = await send(request);
    expect(reply.code, `${request.method} ${request.target}: ${reply.error}`).to.equal(code);
    expect(reply.status).to.equal(401);
    expect(await builds()).to.equal(before);
  }

  it('is valid once', async () => {
    const request = signed('POST', '/v1/build', order);
    expect((await send(request)).status).to.equal(202);
    await expectRefused(request);
  });

  it('is valid once when it is sent many times at the same moment', async () => {
    const request = signed('POST', '/v1/build', order);
    const replies = await Promise.all(Array.from({ length: 30 }, () => send(request)));
    expect(replies.filter(({ status }) => status === 202)).to.have.lengthOf(1);
    expect(replies.filter(({ status }) => status === 401)).to.have.lengthOf(29);
  });

  it('is valid once when the master is killed in between', async () => {
    const requests = Array.from({ length: 5 }, () => signed('POST', '/v1/build', order));
    for (const request of requests) {
      expect((await send(request)).status).to.equal(202);
    }
    cluster.master.program.signal('SIGKILL');
    await cluster.master.program.ended;
    await cluster.startMaster();
    for (const request of requests) {
      await expectRefused(request);
    }
  });

  it('is valid for no other path, method, query, version, build or body', async () => {
    for (const target of ['/v1/build/1', '/v1/build/2?x=1', '/build/2', '/v1/build/2/']) {
      await expectRefused({ ...signed('PUT', '/v1/build/2', cancel), target });
    }
    const request = signed('POST', '/v1/build', order);
    for (const target of ['/build', '/v1/build/', '/v1/slave', '/v1/slave/1/shutdown']) {
      await expectRefused({ ...request, target });
    }
    await expectRefused({ ...request, body: Buffer.from(JSON.stringify({ ...order, job_name: 'Other' })) });
    await expectRefused({ ...signed('POST', '/v1/build/1', cancel), method: 'PUT' });
  });

  it('is invalid without any of its headers, with a repeated one, or with another', async () => {
    const request = signed('POST', '/v1/build', order);
    for (const name of ['signature', 'signature-input', 'content-digest']) {
      const { [name]: value = '', ...rest } = request.headers;
      await expectRefused({ ...request, headers: rest });
      await expectRefused({ ...request, headers: { ...rest, [name]: `${value}, ${value}` } });
      await expectRefused({ ...request, headers: { ...rest, [name]: `${value} `.replace('=', '==') } });
    }
    const { headers } = digestedRequest(cluster.secret, 'POST', '/v1/build', cancel);
    await expectRefused({ ...request, headers });
  });

  it('is refused an hour later or earlier with a code of its own, distinct from a wrong key', async () => {
    for (const ahead of [-3600, -90, 90, 3600]) {
      const request = signed('POST', '/v1/build', order, ahead);
      await expectRefused(request, 'CLOCK_SKEWED');
      const reply = await send(request);
      expect(Math.abs(Date.parse(reply.headers.get('date') ?? '') - Date.now())).to.be.below(5000);
    }
    await expectRefused(signedRequest('another secret', 'POST', '/v1/build', order, 3600));
  });

  it('changes nothing on any route without the secret', async () => {
    for (const { method, path } of changing) {
      const target = path.replace(/[:*]\w+/g, '1');
      await expectRefused({
        method,
        target,
        headers: { 'content-type': 'application/json' },
        body: Buffer.from('{}'),
      });
      await expectRefused(signedRequest('another secret', method, target, {}));
    }
  });

  it('that covers only the body may start and cancel builds, and nothing else', async () => {
    for (const { method, path } of changing.filter(({ signing }) => signing === 'http-signature')) {
      await expectRefused(digestedRequest(cluster.secret, method, path.replace(/[:*]\w+/g, '1'), {}));
    }
    const taken = changing.filter(({ signing }) => signing === 'body-hmac');
    expect(taken.map(({ method, path }) => `${method} ${path}`)).to.deep.equal([
      'POST /v1/build',
      'PUT /v1/build/:buildId',
    ]);
    expect((await send(digestedRequest(cluster.secret, 'POST', '/v1/build', order))).status).to.equal(202);
  });
});

describe('a master that refuses body HMACs', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.create();
    await cluster.startMaster(['-p', '0'], { env: { CLUSTERRUNNER_ACCEPT_BODY_DIGEST: 'False' } });
  });
  after(() => cluster.stop());

  it('rejects them, and says which signatures it takes', async () => {
    const { url } = cluster.master;
    const reply = await sendTo(url, digestedRequest(cluster.secret, 'POST', '/v1/build', order));
    expect(reply.status).to.equal(401);
    expect(reply.error).to.match(/RFC 9421/);
    expect((await sendTo(url, signedRequest(cluster.secret, 'POST', '/v1/build', order))).status).to.equal(
      202,
    );
  });
});
