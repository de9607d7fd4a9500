import { createConnection, createServer, type Server } from 'node:net';
import { expect } from 'chai';
import { listen } from '../../../../src/master/http/listen.js';
import type { SlaveId } from '../../../../src/protocol/ids.js';
import { bareApp } from '../../../support/bare-app.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { named, pollRequest } from '../../../support/named-slave.js';
import { sendBytes } from '../../../support/raw-request.js';
import { until } from '../../../support/until.js';

const hostname = '127.0.0.1';

describe('listen', () => {
  let other: Server;
  let taken: number;
  beforeEach(async () => {
    other = createServer();
    await new Promise<void>((resolve) => other.listen(0, hostname, resolve));
    const address = other.address();
    taken = typeof address === 'object' ? (address?.port ?? 0) : 0;
  });
  afterEach(() => new Promise((resolve) => other.close(resolve)));

  it('uses a free port when the default one is taken', async () => {
    const server = await listen(
      bareApp(() => undefined),
      { port: taken, hostname, explicit: false },
    );
    expect(server).to.include({ replaced: true });
    expect(server.port).to.be.above(0).and.not.equal(taken);
    await server.close();
  });

  it('fails when an explicit port is taken', async () => {
    const failure: unknown = await listen(
      bareApp(() => undefined),
      { port: taken, hostname, explicit: true },
    ).catch((error: unknown) => error);
    expect(failure).to.have.property('code', 'PORT_IN_USE');
    expect(failure).to.have.property('message').that.contains(String(taken));
  });

  it('fails when the address is not one of this machine', async () => {
    const failure: unknown = await listen(
      bareApp(() => undefined),
      {
        port: 0,
        hostname: '192.0.2.1',
        explicit: true,
      },
    ).catch((error: unknown) => error);
    expect(failure).to.have.property('code', 'CONFIG_INVALID');
  });
});

describe('a connection that was made ahead of time', () => {
  it('does not delay the end of the master', async () => {
    const master = await startFakeMaster();
    const socket = createConnection(Number(new URL(master.url).port), hostname);
    const accepted = new Promise((resolve) => socket.once('connect', resolve));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await accepted;
    // A response on another connection shows that the first one was accepted too.
    await sendBytes(master, 'GET /healthz HTTP/1.0\r\n\r\n');
    // Mocha's limit is shorter than the grace after which every connection is cut off.
    await Promise.all([master.close(), closed]);
  });
});

describe('a long poll', () => {
  let master: FakeMaster;
  let slave: SlaveId;
  beforeEach(async () => {
    master = await startFakeMaster();
    slave = (await master.client.registerSlave(named)).slave_id;
  });
  afterEach(() => master.close());

  it('returns available work', async () => {
    const work = { assignments: [], cancel: [], release: [], drain: true };
    master.service.respondWithWork(work);
    expect(await master.client.askForWork(slave, pollRequest)).to.deep.include(work);
  });

  it('ends when its client hangs up', async () => {
    const controller = new AbortController();
    const asked = master.client.askForWork(slave, pollRequest, { signal: controller.signal });
    await until(() => master.service.waiting === 1);
    controller.abort(new Error('enough'));
    const failure: unknown = await asked.catch((error: unknown) => error);
    expect(failure).to.have.property('message', 'enough');
    await until(() => master.service.gone.length === 1);
    expect(master.service.waiting).to.equal(0);
  });

  it('ends at once when the master stops', async () => {
    const asked = master.client.askForWork(slave, pollRequest).catch((error: unknown) => error);
    await until(() => master.service.waiting === 1);
    await master.stop();
    expect(await asked).to.have.property('code', 'UNAVAILABLE');
  });
});

describe('a request that is no valid HTTP', () => {
  let master: FakeMaster;
  beforeEach(async () => {
    master = await startFakeMaster();
  });
  afterEach(() => master.close());

  it('gets a response with a message and the session of the master', async () => {
    const response = await sendBytes(master, 'hello\r\n\r\n');
    expect(response).to.match(/^HTTP\/1\.1 400 [\s\S]*"STATUS":"FAILURE"/);
    expect(response).to.contain('Session-Id: fake-session\r\n');
    const large = `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`;
    expect(await sendBytes(master, large)).to.match(/^HTTP\/1\.1 431 /);
  });

  /** The statuses of all responses on a connection that sends invalid HTTP at this point of the response to a GET. */
  async function statusesAfter(path: string, soFar: string): Promise<string[]> {
    const socket = createConnection(Number(new URL(master.url).port), hostname).setEncoding('utf8');
    let received = '';
    socket.on('data', (text: string) => {
      received += text;
    });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await until(() => received.includes(soFar));
    socket.write('hello\r\n\r\n');
    await until(() => socket.closed);
    return received.match(/(?<=HTTP\/1\.1 )\d{3}/g) ?? [];
  }

  it('gets a response also after other requests, once these are done', async () => {
    expect(await statusesAfter('/v1/version', '}')).to.deep.equal(['200', '400']);
  });

  it('ends the connection without a response while another response is in progress', async () => {
    expect(await statusesAfter('/v1/events', 'text/event-stream')).to.deep.equal(['200']);
  });

  it('may have a target in absolute form', async () => {
    const head = 'Host: x\r\nConnection: close\r\n\r\n';
    expect(await sendBytes(master, `GET http://x/v1/version HTTP/1.1\r\n${head}`)).to.match(
      /^HTTP\/1\.1 200 /,
    );
    expect(await sendBytes(master, `OPTIONS * HTTP/1.1\r\n${head}`)).to.match(/^HTTP\/1\.1 400 /);
  });
});
