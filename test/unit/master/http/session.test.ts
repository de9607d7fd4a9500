import { expect } from 'chai';
import { makeAccessToken, type TokenKind } from '../../../../src/protocol/signing/access-token.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { type RawResponse, request } from '../../../support/raw-request.js';

const soon = () => Math.floor(Date.now() / 1000) + 100;

describe("a browser's session", () => {
  let master: FakeMaster;
  beforeEach(async () => {
    master = await startFakeMaster({ settings: { readAccess: 'signed' } });
  });
  afterEach(() => master.close());

  const token = (kind: TokenKind, expires = soon()) => makeAccessToken(kind, master.secret, expires);
  const signIn = (text: string, headers: Record<string, string> = {}): Promise<RawResponse> =>
    request(master, 'POST', '/v1/session', {
      body: JSON.stringify({ token: text }),
      headers: { 'content-type': 'application/json', origin: master.url, ...headers },
    });
  const cookieOf = ({ headers }: RawResponse) => headers.get('set-cookie') ?? '';
  const sent = (response: RawResponse) => ({ cookie: cookieOf(response).split(';')[0] ?? '' });
  const permissions = async (headers: Record<string, string>) => {
    const { status, body } = await request(master, 'GET', '/v1/session', { headers });
    expect(status).to.equal(200);
    return { may_read: body.may_read, may_act: body.may_act, expires: body.expires };
  };

  it('begins with a token, which the browser keeps in a cookie that no script and no other site can use', async () => {
    const response = await signIn(token('control'));
    expect(response.status).to.equal(200);
    expect(response.body).to.include({ may_read: true, may_act: true });
    const { port } = new URL(master.url);
    expect(cookieOf(response)).to.match(
      new RegExp(
        `^clusterrunner_session_${port}=crc1\\S+; Max-Age=(99|100); Path=/; SameSite=Strict; HttpOnly$`,
      ),
    );
    expect((await request(master, 'GET', '/v1', { headers: sent(response) })).status).to.equal(200);
  });

  it('is kept for encrypted connections alone when the browser uses one, also behind a proxy', async () => {
    const host = new URL(master.url).host;
    expect(cookieOf(await signIn(token('read'), { origin: `https://${host}` }))).to.match(/; Secure$/);
  });

  it('says what it permits', async () => {
    const expires = soon();
    const reader = sent(await signIn(token('read', expires)));
    expect(await permissions(reader)).to.deep.equal({ may_read: true, may_act: false, expires });
    const controller = sent(await signIn(token('control', expires)));
    expect(await permissions(controller)).to.deep.equal({ may_read: true, may_act: true, expires });
    expect(await permissions({})).to.deep.equal({ may_read: false, may_act: false, expires: null });
    const expired = { cookie: reader.cookie.replace(/=.*/, `=${token('control', soon() - 200)}`) };
    expect(await permissions(expired)).to.deep.equal({ may_read: false, may_act: false, expires: null });
  });

  it('is not needed to read where reading is public', async () => {
    const open = await startFakeMaster();
    try {
      const { body } = await request(open, 'GET', '/v1/session');
      expect(body).to.include({ may_read: true, may_act: false, expires: null });
    } finally {
      await open.close();
    }
  });

  it('does not begin with a token that is wrong or has expired', async () => {
    const wrong = await signIn(makeAccessToken('control', 'another secret', soon()));
    expect(wrong.status).to.equal(401);
    expect(cookieOf(wrong)).to.equal('');
    const expired = await signIn(token('control', soon() - 200));
    expect(expired.status).to.equal(401);
    expect(expired.body.error).to.match(/expired/);
  });

  it('does not begin for a page of another origin', async () => {
    expect((await signIn(token('control'), { origin: 'http://evil.example' })).status).to.equal(403);
  });

  it('cannot be begun to guess tokens', async () => {
    const limited = await startFakeMaster({ settings: { maxFailedSignatures: 2 } });
    try {
      const attempt = () =>
        request(limited, 'POST', '/v1/session', { body: JSON.stringify({ token: 'crc1.1.x' }) });
      const statuses = [await attempt(), await attempt(), await attempt()].map(({ status }) => status);
      expect(statuses).to.deep.equal([401, 401, 429]);
    } finally {
      await limited.close();
    }
  });

  it('ends when the browser removes the cookie', async () => {
    const response = await request(master, 'DELETE', '/v1/session', { headers: { origin: master.url } });
    expect(response.status).to.equal(200);
    expect(cookieOf(response)).to.match(/^clusterrunner_session_\d+=; Max-Age=0; /);
  });

  it("does not make a browser ask for a password at the calls of a page, but at a person's", async () => {
    const challenge = async (accept: string) =>
      (await request(master, 'GET', '/v1/build', { headers: { accept } })).headers.get('www-authenticate');
    expect(await challenge('application/json')).to.equal('ClusterRunner');
    expect(await challenge('text/html,*/*;q=0.8')).to.match(/^ClusterRunner, Basic /);
    const events = await request(master, 'GET', '/v1/events', { headers: { accept: 'text/event-stream' } });
    expect(events.status).to.equal(401);
    expect(events.headers.get('www-authenticate')).to.equal('ClusterRunner');
  });

  it('never begins with a control token in an address', async () => {
    const response = await request(master, 'GET', `/v1?token=${token('control')}`);
    expect(response.status).to.equal(401);
    expect(cookieOf(response)).to.equal('');
    expect(response.body.error).to.match(/may not be in an address/);
  });
});
