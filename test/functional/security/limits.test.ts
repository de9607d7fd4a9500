import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { Cluster } from '../../support/cluster.js';
import {
  digestedRequest,
  plain,
  type SignedRequest,
  sendTo,
  signedRequest,
} from '../../support/signed-request.js';
import { eventually } from '../../support/wait.js';

const CONNECTIONS = 20;

/** A connection that sends given bytes and keeps everything that arrives. */
class Caller {
  received = '';
  isClosed = false;
  readonly socket: Socket;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('utf8').on('data', (text: string) => {
      this.received += text;
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.isClosed = true;
    });
  }

  closed(): Promise<unknown> {
    return eventually(
      'the connection is closed',
      () => this.isClosed,
      () => this.received,
    );
  }
}

describe('a master under excessive load', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.create();
    await cluster.startMaster(['-p', '0'], {
      env: {
        CLUSTERRUNNER_MAX_CONNECTIONS: String(CONNECTIONS),
        CLUSTERRUNNER_MAX_HEADER_KILOBYTES: '4',
        CLUSTERRUNNER_MAX_UNPROVED_BODY_MEGABYTES: '1',
        CLUSTERRUNNER_MAX_BODY_MEGABYTES: '2',
        CLUSTERRUNNER_MAX_JSON_DEPTH: '10',
        CLUSTERRUNNER_HEADER_TIMEOUT: '1',
        CLUSTERRUNNER_BODY_TIMEOUT: '1',
        CLUSTERRUNNER_MAX_FAILED_SIGNATURES: '5',
      },
    });
  });
  after(() => cluster.stop());

  const send = (request: SignedRequest) => sendTo(cluster.master.url, request);
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
  const isServing = async () => expect((await send(plain('/v1/version'))).status).to.equal(200);
  const large = (mib: number) => ({
    type: 'directory',
    project_directory: '/p',
    job_name: 'J',
    atoms_override: ['x'.repeat(mib * 1024 * 1024)],
  });

  it('refuses headers that are too large', async () => {
    const caller = new Caller(cluster.master.port);
    caller.socket.write(`GET /v1 HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(8 * 1024)}\r\n\r\n`);
    await caller.closed();
    expect(caller.received)
      .to.match(/^HTTP\/1\.1 431 /)
      .and.contain('"STATUS":"FAILURE"');
  });

  it('refuses a body that is too large, the smaller the less its sender has proved', async () => {
    const unproved = await send(digestedRequest(cluster.secret, 'POST', '/v1/build', large(1.5)));
    expect(unproved).to.include({ status: 413, code: 'BODY_TOO_LARGE' });
    const proved = await send(signedRequest(cluster.secret, 'POST', '/v1/build', large(1.5)));
    expect(proved.status).to.equal(202);
    const tooMuch = await send(signedRequest(cluster.secret, 'POST', '/v1/build', large(2.5)));
    expect(tooMuch).to.include({ status: 413, code: 'BODY_TOO_LARGE' });
  });

  it('refuses JSON that is nested too deeply', async () => {
    const body = { type: 'directory', project_directory: '/p', job_name: 'J', config: nested(50) };
    const reply = await send(signedRequest(cluster.secret, 'POST', '/v1/build', body));
    expect(reply).to.include({ status: 400, code: 'INVALID_REQUEST' });
    // The error is about the nesting alone: the meaning is not looked at.
    expect(reply.error).to.contain('deeper than the 10');
  });

  it('waits neither for late headers nor for a late body', async () => {
    const headers = new Caller(cluster.master.port);
    headers.socket.write('GET /v1 HTTP/1.1\r\nHost: localhost\r\n');
    const body = new Caller(cluster.master.port);
    const { headers: signed } = digestedRequest(cluster.secret, 'POST', '/v1/build', {});
    const lines = Object.entries(signed).map(([name, value]) => `${name}: ${value}\r\n`);
    body.socket.write(
      `POST /v1/build HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n${lines.join('')}\r\n{"type"`,
    );
    await headers.closed();
    await body.closed();
    expect(headers.received).to.match(/^HTTP\/1\.1 408 /);
    expect(body.received).to.match(/^HTTP\/1\.1 408 /);
  });

  it('keeps no more connections than its limit, and serves others meanwhile', async () => {
    const callers = Array.from({ length: 2 * CONNECTIONS }, () => new Caller(cluster.master.port));
    await eventually(
      'some are refused',
      () => callers.some(({ received }) => /^HTTP\/1\.1 503 [\s\S]*\nRetry-After: \d/.test(received)),
      () => callers.map(({ received }) => received),
    );
    await isServing();
    for (const { socket } of callers) {
      socket.destroy();
    }
  });

  it('rejects a request with two lengths, so that nothing is smuggled past a proxy', async () => {
    const inner = 'GET /v1/version HTTP/1.1\r\nHost: localhost\r\n\r\n';
    for (const lengths of [
      `Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
      `Content-Length: 0\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
      `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${inner}`,
      `Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n${inner}`,
      `Content-Length: +${inner.length}\r\n\r\n${inner}`,
    ]) {
      const caller = new Caller(cluster.master.port);
      await once(caller.socket, 'connect');
      caller.socket.end(`POST /v1/build HTTP/1.1\r\nHost: localhost\r\n${lengths}`);
      await caller.closed();
      expect(caller.received.match(/HTTP\/1\.1 \d+/g) ?? [], JSON.stringify(lengths)).to.deep.equal([
        'HTTP/1.1 400',
      ]);
    }
    await isServing();
  });

  it('responds with 429 and a Retry-After to an address with many wrong signatures', async () => {
    const wrong = () => send(signedRequest('another secret', 'POST', '/v1/build', {}));
    const replies: number[] = [];
    await eventually(
      'it has to wait',
      async () => {
        const { status, headers } = await wrong();
        replies.push(status);
        return status === 429 && Number(headers.get('retry-after')) > 0;
      },
      () => replies,
    );
    expect(replies.length).to.be.at.most(7);
    await isServing();
  });
});
