import { randomBytes } from 'node:crypto';
import { readdirSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { bodyHmac } from '../../../../src/protocol/signing/signing.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { request, signed, signedAsRfc9421 } from '../../../support/raw-request.js';
import { subjobArchive } from '../../../support/subjob-archive.js';
import { until } from '../../../support/until.js';

const READS = 3;
const BODY_BYTES = 64 * 1024;

describe('unauthenticated clients of one address', () => {
  let master: FakeMaster;
  const callers: Caller[] = [];
  beforeEach(async () => {
    master = await startFakeMaster({
      settings: { maxReadsPerAddress: READS, maxUnprovedBodyBytes: BODY_BYTES },
    });
  });
  afterEach(async () => {
    for (const caller of callers.splice(0)) {
      caller.socket.destroy();
    }
    await master.close();
  });

  /** A connection that sends bytes on demand, and keeps all that it receives. */
  class Caller {
    received = '';
    readonly socket: Socket;

    constructor(...sent: readonly string[]) {
      this.socket = connect(Number(new URL(master.url).port), '127.0.0.1');
      this.socket.setEncoding('utf8').on('data', (text: string) => {
        this.received += text;
      });
      this.socket.on('error', () => undefined);
      this.socket.write(sent.join(''));
      callers.push(this);
    }

    get statuses(): string[] {
      return this.received.match(/(?<=HTTP\/1\.1 )\d{3}/g) ?? [];
    }
  }

  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
  const follow = () => Array.from({ length: READS }, () => new Caller(get('/v1/events')));
  const read = async () => (await request(master, 'GET', '/v1/version')).status;

  it('are limited in their concurrent reads', async () => {
    const readers = follow();
    await until(() => readers.every(({ statuses }) => statuses.length === 1));
    const refused = await request(master, 'GET', '/v1/version');
    expect(refused.status).to.equal(429);
    expect(refused.body.code).to.equal('TOO_MANY_REQUESTS');
    expect(Number(refused.headers.get('retry-after'))).to.be.above(0);
    readers[0]?.socket.destroy();
    await until(async () => (await read()) === 200);
  });

  it('are limited, but not clients with the secret, nor changes', async () => {
    const readers = follow();
    await until(() => readers.every(({ statuses }) => statuses.length === 1));
    expect(await master.client.listSlaves({})).to.have.property('slaves');
    const build = { type: 'directory', project_directory: '/p', job_name: 'J' };
    expect((await signedAsRfc9421(master, 'POST', '/v1/build', build)).status).to.equal(202);
    expect((await signed(master, 'POST', '/v1/build', build)).status).to.equal(202);
  });

  it('may pipeline a few requests, which are handled one after another', async () => {
    const caller = new Caller(get('/v1/version'), get('/v1/nothing'), get('/v1/build'));
    await until(() => caller.statuses.length === 3);
    expect(caller.statuses).to.deep.equal(['200', '404', '200']);
  });

  it('may not pipeline requests without a limit', async () => {
    const caller = new Caller(get('/v1/events'), get('/v1/version').repeat(50));
    await until(() => caller.socket.closed);
    expect(caller.statuses.length).to.be.at.most(1);
  });

  it('leave no file open of pipelined requests on a connection that breaks', async () => {
    const caller = new Caller(get('/v1/events').repeat(READS + 1));
    await until(() => caller.statuses.length === 1);
    caller.socket.destroy();
    await until(() => master.service.watching === 0);
    for (let reads = 0; reads <= READS; reads += 1) {
      expect(await read()).to.equal(200);
    }
  });

  it('are limited in the bytes of unauthenticated bodies', async () => {
    const digest = bodyHmac('another secret', Buffer.alloc(0));
    const head =
      `POST /v1/build HTTP/1.1\r\nHost: x\r\nContent-Length: ${BODY_BYTES}\r\n` +
      `ClusterRunner-Message-Authentication-Digest: ${digest}\r\n\r\n`;
    const part = 'x'.repeat(BODY_BYTES - 1);
    const senders = Array.from({ length: 6 }, () => new Caller(head, part));
    await until(() => senders.filter(({ statuses }) => statuses[0] === '429').length === 2);
    const build = { type: 'directory', project_directory: '/p', job_name: 'J' };
    expect((await signedAsRfc9421(master, 'POST', '/v1/build', build)).status).to.equal(202);
    for (const { socket } of senders) {
      socket.destroy();
    }
    await until(async () => (await signed(master, 'POST', '/v1/build', build)).status === 202);
  });

  it('may not send a large body byte by byte', async () => {
    await master.close();
    master = await startFakeMaster();
    const digest = bodyHmac('another secret', Buffer.alloc(0));
    const caller = new Caller(
      'POST /v1/build HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n' +
        `ClusterRunner-Message-Authentication-Digest: ${digest}\r\n\r\n`,
    );
    await until(() => {
      caller.socket.write('1\r\nx\r\n'.repeat(10_000));
      return caller.statuses.length > 0;
    });
    expect(caller.statuses).to.deep.equal(['413']);
    expect(caller.received).to.contain('too many small pieces');
  });

  it('have the body of a route without one read and dropped, within bounds', async () => {
    const caller = new Caller('GET /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n');
    await until(() => caller.statuses.length === 1);
    expect(caller.statuses).to.deep.equal(['200']);
    const part = Buffer.alloc(1024 * 1024);
    await until(() => {
      if (caller.socket.writableLength === 0 && !caller.socket.closed) {
        caller.socket.write(part);
      }
      return caller.socket.closed;
    });
  });

  it('leave no file open of results that they request and do not read', async function () {
    if (process.platform !== 'linux') {
      this.skip();
    }
    const build = { type: 'directory', project_directory: '/p', job_name: 'J' } as const;
    const { build_id } = await master.client.createBuild(build);
    const file = join(realpathSync(master.directory), '0.tar.gz');
    writeFileSync(file, await subjobArchive({ 'artifact_0_0/file': randomBytes(1_000_000).toString('hex') }));
    master.service.archives.set(build_id, { files: [file], failedFolders: [] });
    const isOpen = () => openFiles().includes(file);
    for (const what of [
      'artifacts.tar.gz',
      'artifacts.zip',
      'artifact/artifact_0_0/file',
      'artifact/artifact_0_0',
    ]) {
      const path = `/v1/build/${build_id}/${what}`;
      expect((await request(master, 'HEAD', path)).status, what).to.equal(200);
      await until(() => !isOpen());
      const caller = new Caller(get(path));
      await until(() => caller.statuses.length === 1);
      caller.socket.destroy();
      await until(() => !isOpen());
    }
  });
});

/** Open files of this process, on Linux. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch (error) {
      // The descriptor of the folder that is read here is closed by now.
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
        return [];
      }
      throw error;
    }
  });
}
