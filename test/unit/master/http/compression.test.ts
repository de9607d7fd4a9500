import { request as rawRequest } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';

interface Got {
  readonly encoding: string | undefined;
  readonly vary: string | undefined;
  readonly length: string | undefined;
  readonly bytes: Buffer;
}

describe('compression of responses', () => {
  let master: FakeMaster;
  beforeEach(async () => {
    master = await startFakeMaster();
    for (let n = 0; n < 60; n += 1) {
      await master.client.createBuild({ type: 'directory', project_directory: '/p', job_name: `Job ${n}` });
    }
  });
  afterEach(() => master.close());

  function get(path: string, accepted?: string): Promise<Got> {
    return new Promise((resolve, reject) => {
      const headers = accepted === undefined ? {} : { 'accept-encoding': accepted };
      const sent = rawRequest(`${master.url}${path}`, { headers }, (response) => {
        const { 'content-encoding': encoding, vary, 'content-length': length } = response.headers;
        buffer(response).then((bytes) => resolve({ encoding, vary, length, bytes }), reject);
      });
      sent.on('error', reject);
      sent.end();
    });
  }

  for (const path of ['/v1/build', '/v1/build?limit=20', '/v1/openapi.json', '/v1/build/1/timeline']) {
    it(`saves most of ${path} for a reader who accepts gzip, and changes nothing of it`, async () => {
      const plain = await get(path);
      expect(plain.encoding).to.equal(undefined);
      expect(plain.vary).to.contain('Accept-Encoding');
      const small = await get(path, 'br, gzip');
      if (path.endsWith('timeline')) {
        expect(JSON.parse(gunzipSync(small.bytes).toString())).to.have.property('complete', false);
      } else {
        expect(gunzipSync(small.bytes).toString()).to.equal(plain.bytes.toString());
        expect(small.bytes.length).to.be.below(plain.bytes.length / 2);
      }
      expect(small.encoding).to.equal('gzip');
      expect(small.vary).to.contain('Accept-Encoding');
    });
  }

  for (const accepted of ['identity', 'br', 'gzip;q=0', 'deflate, gzip;q=0', '', 'rubbish/;q=']) {
    it(`leaves it alone for Accept-Encoding: ${accepted || '(empty)'}`, async () => {
      const { encoding, bytes } = await get('/v1/build', accepted);
      expect(encoding).to.equal(undefined);
      expect(JSON.parse(bytes.toString())).to.have.property('total', 60);
    });
  }

  it('leaves small responses as they are', async () => {
    const { encoding, length, bytes } = await get('/v1/version', 'gzip');
    expect([encoding, length]).to.deep.equal([undefined, String(bytes.length)]);
  });

  it('ends when the reader breaks off, and the master goes on', async () => {
    await new Promise<void>((resolve) => {
      const sent = rawRequest(
        `${master.url}/v1/build/1/timeline`,
        { headers: { 'accept-encoding': 'gzip' } },
        (response) => {
          response.destroy();
          resolve();
        },
      );
      sent.on('error', () => resolve());
      sent.end();
    });
    expect((await get('/v1/build/1', 'gzip')).bytes.length).to.be.greaterThan(100);
  });
});
