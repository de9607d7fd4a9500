import { expect } from 'chai';
import { bodyHmac } from '../../../../src/protocol/signing/signing.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { request, signed } from '../../../support/raw-request.js';

const good = { type: 'directory', project_directory: '/p', job_name: 'Simple' };

describe('the body of a request', () => {
  let master: FakeMaster;
  before(async () => {
    master = await startFakeMaster({ settings: { maxBodyBytes: 10_000 } });
  });
  after(() => master.close());
  beforeEach(() => {
    master.service.changes.length = 0;
  });

  const wrong: [what: string, body: unknown, sentence: RegExp][] = [
    ['an unknown field', { ...good, color: 'red' }, /Unknown field "color".*type, job_name/],
    [
      'an unknown field further in',
      { ...good, config: { commands: ['x'], atomizers: [{ A: 'x' }], x: 1 } },
      /"config\.x"/,
    ],
    ['a missing field', { job_name: 'Simple' }, /"type" is missing/],
    ['a wrong type', { ...good, job_name: 5 }, /"job_name".*must be string/],
    ['a value that is not among the possible ones', { ...good, type: 'svn' }, /"type".*"git" or "directory"/],
    ['a wrong type in a list', { ...good, atoms_override: ['a', 1] }, /"atoms_override\.1".*string/],
    [
      'a number in the place of a shell line',
      { ...good, config: { commands: [5], atomizers: [{ A: 'x' }] } },
      /"config\.commands\.0".*string or null/,
    ],
    ['a name without end', { ...good, job_name: 'x'.repeat(8193) }, /"job_name".*more than 8192 characters/],
    [
      'an address without end',
      { ...good, remote_files: { [`http://h/${'x'.repeat(8193)}`]: 'a' } },
      /remote_files.*(property name|more than 8192)/,
    ],
    ['a list', [], /must be object/],
    ['a plain value', 'text', /not valid JSON/],
    ['nothing', Buffer.alloc(0), /"type" is missing/],
    ['half of some JSON', Buffer.from('{"type": "git'), /not valid JSON/],
    [
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from('{"type":"'), Buffer.from([0xff]), Buffer.from('"}')]),
      /UTF-8/,
    ],
    ['a prototype', Buffer.from('{"type":"directory","__proto__":{"x":1}}'), /not valid JSON|Unknown field/],
  ];
  for (const [what, body, sentence] of wrong) {
    it(`is refused for ${what}`, async () => {
      const response = await signed(master, 'POST', '/v1/build', body);
      expect(response.status).to.equal(400);
      expect(response.body).to.deep.include({ STATUS: 'FAILURE', code: 'INVALID_REQUEST' });
      expect(response.body.error).to.match(sentence);
      expect(master.service.changes).to.deep.equal([]);
    });
  }

  it('is verified by its bytes, not by the text that they encode', async () => {
    const bytes = Buffer.from(
      `{ "type":"directory",\r\n "project_directory":"/\\u00fc ü",\t"job_name":"S" }`,
    );
    const response = await signed(master, 'POST', '/v1/build', bytes);
    expect(response.status).to.equal(202);
    expect(master.service.changes[0]?.said).to.have.property('project_directory', '/ü ü');
  });

  it('may have null for optional fields, and its type in any case', async () => {
    const response = await signed(master, 'POST', '/v1/build', {
      ...good,
      type: 'Directory',
      branch: null,
      remote_files: null,
      config: { commands: ['x', null], atomizers: [{ A: 'x' }], max_executors: null },
    });
    expect(response.status, String(response.body.error)).to.equal(202);
    expect(master.service.changes[0]?.said).to.deep.equal({
      ...good,
      config: { commands: ['x', null], atomizers: [{ A: 'x' }] },
    });
    expect((await signed(master, 'POST', '/v1/build', { ...good, type: null })).status).to.equal(400);
    expect((await signed(master, 'PUT', '/v1/build/1', { status: 'CANCELED' })).status).to.equal(200);
  });

  it('must not be compressed', async () => {
    const packed = await signed(master, 'POST', '/v1/build', good, { 'content-encoding': 'gzip' });
    expect(packed.status).to.equal(415);
    expect(master.service.changes).to.deep.equal([]);
  });

  it('may not be larger than the limit, announced or not', async () => {
    const large = { ...good, atoms_override: ['x'.repeat(10_000)] };
    expect((await signed(master, 'POST', '/v1/build', large)).status).to.equal(413);
    const bytes = Buffer.from(JSON.stringify(large));
    const unannounced = await request(master, 'POST', '/v1/build', {
      body: new ReadableStream({
        start(controller) {
          controller.enqueue(bytes);
          controller.close();
        },
      }),
      duplex: 'half',
      headers: { 'ClusterRunner-Message-Authentication-Digest': bodyHmac(master.secret, bytes) },
    });
    expect(unannounced.status).to.equal(413);
    expect(master.service.changes).to.deep.equal([]);
  });

  it('is not validated when its signature is invalid', async () => {
    const response = await request(master, 'POST', '/v1/build', { body: '{"half' });
    expect(response.status).to.equal(401);
  });
});
