import { createHash } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { ClusterRunnerError } from '../../../../src/protocol/errors.js';
import { type SlaveId, toId } from '../../../../src/protocol/ids.js';
import { contentDigest, signRequest } from '../../../../src/protocol/signing/signing.js';
import type { ResultReport } from '../../../../src/protocol/slave/slave-messages.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { named } from '../../../support/named-slave.js';
import { ranIn } from '../../../support/ran-in.js';
import { request } from '../../../support/raw-request.js';
import { indexedArchive } from '../../../support/subjob-archive.js';
import { until } from '../../../support/until.js';

const build = toId.build(3);
const subjob = toId.subjob(0);
const report: ResultReport = {
  lease: { lease_id: toId.lease(5), attempt: toId.attempt(1) },
  atoms: [{ id: toId.atom(0), exit_code: 0, actual_time: 1.5 }],
  ran_in: ranIn,
  index: { members: [7], consoles: [] },
};

describe('a result', () => {
  let master: FakeMaster;
  let slave: SlaveId;
  beforeEach(async () => {
    master = await startFakeMaster();
    slave = (await master.client.registerSlave(named)).slave_id;
    master.service.leases.add(5);
  });
  afterEach(async () => {
    expect(readdirSync(master.temporaryDirectory), 'temporary files').to.deep.equal([]);
    await master.close();
  });

  async function archive(bytes: number) {
    const { content, index } = await indexedArchive('artifact_0_0', bytes);
    const file = join(master.directory, 'archive');
    writeFileSync(file, content);
    return { file, content, report: { ...report, index } };
  }

  function signedPut(body: Buffer, reportBytes: number) {
    const target = `/v1/slave/${slave}/build/3/subjob/0/result?report_bytes=${reportBytes}`;
    const digest = contentDigest(createHash('sha256').update(body).digest());
    const headers = signRequest(
      master.secret,
      { method: 'PUT', target, digest },
      Date.now() / 1000,
      'nonce-of-result',
    );
    return { target, headers };
  }

  it('arrives as the slave sends it', async () => {
    const { file, content, report: sent } = await archive(3_000_000);
    await master.client.deliverResult(slave, build, subjob, sent, file);
    expect(master.service.changes.at(-1)).to.deep.equal({
      what: 'acceptResult',
      slave,
      build,
      subjob,
      said: sent,
    });
    expect(master.service.accepted.get('3/0')?.equals(content)).to.equal(true);
  });

  it('is refused before it is received when the disk has no space for it', async () => {
    master.service.freeBytes = 1;
    const { file, report: sent } = await archive(1_000);
    const refusal = await master.client
      .deliverResult(slave, build, subjob, sent, file)
      .catch((error: unknown) => error);
    expect(refusal).to.have.property('code', 'UNAVAILABLE');
    expect(refusal)
      .to.have.property('message')
      .that.matches(/^\d+ bytes do not fit/);
    expect(master.service.accepted.size).to.equal(0);
  });

  it('is refused for a lease that has ended before its archive is received', async () => {
    master.service.leases.clear();
    const { file, report: sent } = await archive(20_000_000);
    const failure: unknown = await master.client
      .deliverResult(slave, build, subjob, sent, file)
      .catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(ClusterRunnerError).with.property('code', 'STALE_LEASE');
  });

  it('is refused when its bytes are not the signed ones', async () => {
    const { content, report: sent } = await archive(10);
    const head = Buffer.from(JSON.stringify(sent));
    const body = Buffer.concat([head, content]);
    const { target, headers } = signedPut(body, head.length);
    // In the time field of the first gzip member, so that only the signature can tell.
    body.writeUInt8(body.readUInt8(head.length + 4) ^ 1, head.length + 4);
    const response = await request(master, 'PUT', target, { body, headers });
    expect(response.status).to.equal(401);
    expect(master.service.accepted.size).to.equal(0);
  });

  it('is refused with a reason when its archive contradicts the report, and nothing of it is kept', async () => {
    const { content, report: sent } = await archive(10);
    const short = { ...sent, index: { ...sent.index, members: [(sent.index.members[0] ?? 0) - 1] } };
    const head = Buffer.from(JSON.stringify(short));
    const body = Buffer.concat([head, content]);
    const { target, headers } = signedPut(body, head.length);
    const response = await request(master, 'PUT', target, { body, headers });
    expect(response.status).to.equal(400);
    expect(response.body.error).to.match(/^The result is refused: its archive \S/);
    expect(master.service.accepted.size).to.equal(0);
  });

  it('is refused with an invalid report', async () => {
    const wrong = { ...report, color: 'red' };
    for (const head of [
      Buffer.from('{"half'),
      Buffer.from([0x7b, 0xff, 0x7d]),
      Buffer.from(JSON.stringify(wrong)),
    ]) {
      const { target, headers } = signedPut(head, head.length);
      const nonce = `nonce-of-result-${head.length}`;
      const digest = headers['content-digest'] ?? '';
      const signed = signRequest(master.secret, { method: 'PUT', target, digest }, Date.now() / 1000, nonce);
      const response = await request(master, 'PUT', target, { body: head, headers: signed });
      expect(response.status, head.toString()).to.equal(400);
    }
  });

  it('leaves no file when it breaks off, and is no internal error', async () => {
    const { content, report: sent } = await archive(3_000_000);
    const head = Buffer.from(JSON.stringify(sent));
    const body = Buffer.concat([head, content]);
    const { target, headers } = signedPut(body, head.length);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const socket = createConnection(Number(new URL(master.url).port), '127.0.0.1');
    socket.write(
      `PUT ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n${lines.join('')}\r\n`,
    );
    socket.write(body.subarray(0, body.length / 2));
    await until(() => readdirSync(master.temporaryDirectory).length === 1);
    socket.destroy();
    await until(() => readdirSync(master.temporaryDirectory).length === 0);
    expect(master.service.accepted.size).to.equal(0);
    expect(master.logged.filter(({ level }) => Number(level) >= 50)).to.deep.equal([]);
  });

  it('is downloaded with the whole build in one archive, once that has ended', async () => {
    const directory = { type: 'directory', project_directory: '/p', job_name: 'Simple' } as const;
    const { build_id } = await master.client.createBuild(directory);
    const early = await request(master, 'GET', `/v1/build/${build_id}/artifacts.tar.gz`);
    expect(early.status).to.equal(202);
    expect(early.body.error).to.match(/still runs/);

    const file = join(master.directory, 'subjob');
    writeFileSync(file, gzipSync(Buffer.alloc(512, 'x')));
    master.service.archives.set(build_id, { files: [file], failedFolders: ['artifact_0_0'] });
    const { stream, bytes } = await master.client.openArtifacts(build_id);
    const whole = await buffer(stream);
    expect(whole.length).to.equal(bytes);
    expect(gunzipSync(whole).subarray(0, 512).toString()).to.equal('x'.repeat(512));
    const head = await request(master, 'HEAD', `/v1/build/${build_id}/artifacts.tar.gz`);
    expect(head.headers.get('content-length')).to.equal(String(bytes));
    expect(head.headers.get('content-disposition')).to.equal(
      `attachment; filename="build-${build_id}-artifacts.tar.gz"`,
    );
  });

  it('is reported as unreadable before a download begins when its file is missing', async () => {
    const directory = { type: 'directory', project_directory: '/p', job_name: 'Simple' } as const;
    const { build_id } = await master.client.createBuild(directory);
    master.service.archives.set(build_id, { files: [join(master.directory, 'gone')], failedFolders: [] });
    const response = await request(master, 'GET', `/v1/build/${build_id}/artifacts.tar.gz`);
    expect(response).to.have.property('status', 410);
    expect(response.body.code).to.equal('RESULT_UNREADABLE');
  });
});
