import { expect } from 'chai';
import { tokenInHeader, withTokenHidden } from '../../../../../src/master/http/auth/read-auth.js';
import { makeAccessToken } from '../../../../../src/protocol/signing/access-token.js';
import { type FakeMaster, startFakeMaster } from '../../../../support/fake-master.js';
import { request } from '../../../../support/raw-request.js';

const soon = () => Math.floor(Date.now() / 1000) + 100;

describe('a read token', () => {
  let master: FakeMaster;
  beforeEach(async () => {
    master = await startFakeMaster({ settings: { readAccess: 'signed' } });
  });
  afterEach(() => master.close());

  const read = (path: string, headers: Record<string, string> = {}) =>
    request(master, 'GET', path, { headers });
  const basic = (user: string, password: string) => ({
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
  });

  it("is accepted as a browser's password, with any user", async () => {
    const asked = await read('/v1');
    expect(asked.status).to.equal(401);
    expect(asked.headers.get('www-authenticate')).to.match(/^ClusterRunner, Basic realm="[^"]+"/);
    const token = makeAccessToken('read', master.secret, soon());
    for (const user of ['', 'me', 'Jörg']) {
      const response = await read('/v1', basic(user, token));
      expect(response.status).to.equal(200);
      expect(response.headers.get('www-authenticate')).to.equal(null);
      expect(response.headers.get('set-cookie')).to.equal(null);
    }
    for (const wrong of [basic('me', ''), basic(token, 'x'), { authorization: `Basic ${token}` }]) {
      expect((await read('/v1', wrong)).status).to.equal(401);
    }
  });

  it('is requested for reads only, since no browser could sign a change', async () => {
    const { headers } = await request(master, 'POST', '/v1/build', { body: '{}' });
    expect(headers.get('www-authenticate')).to.equal('ClusterRunner');
  });

  it('is not leaked by a referrer, a cache, or the log of an internal error', async () => {
    const token = makeAccessToken('read', master.secret, soon());
    const response = await read(`/v1?token=${token}`);
    expect(response.headers.get('referrer-policy')).to.equal('no-referrer');
    expect(response.headers.get('cache-control')).to.equal('private, no-cache');
    master.service.broken = new TypeError('a fault');
    expect((await read(`/v1/build?limit=1&to%6Ben=${token}`)).status).to.equal(500);
    const log = JSON.stringify(master.logged);
    expect(log).to.contain('/v1/build?limit=1&token=hidden').and.not.to.contain(token);
  });
});

describe('withTokenHidden', () => {
  it('keeps everything but the token', () => {
    expect(withTokenHidden('/v1/build')).to.equal('/v1/build');
    expect(withTokenHidden('/v1/build?a=1&b=?')).to.equal('/v1/build?a=1&b=%3F');
    expect(withTokenHidden('/v1?token=a&token=b&c=2')).to.equal('/v1?token=hidden&c=2');
  });
});

describe('the token in a header', () => {
  it('may follow any number of blanks', () => {
    expect(tokenInHeader('Bearer  token')).to.equal('token');
    expect(tokenInHeader(`basic ${Buffer.from('me:token').toString('base64')}`)).to.equal('token');
    expect(tokenInHeader('Bearer a token')).to.equal(undefined);
    expect(tokenInHeader('Digest token')).to.equal(undefined);
  });

  it('is parsed in linear time', () => {
    // In quadratic time this would exceed the test's timeout.
    const blanks = ' '.repeat(1_000_000);
    for (const scheme of ['Bearer', 'Basic']) {
      expect(tokenInHeader(`${scheme}${blanks}x y`)).to.equal(undefined);
      expect(tokenInHeader(`${scheme}${blanks}x${blanks}y`)).to.equal(undefined);
    }
  });
});
