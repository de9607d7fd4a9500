import { expect } from 'chai';
import fc from 'fast-check';
import { SafeRegex } from '../../../../src/lib/text/safe-regex.js';
import { isAllowedOrigin, isHost } from '../../../../src/master/http/origin-policy.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { request, sendBytes, signed } from '../../../support/raw-request.js';

const directory = { type: 'directory', project_directory: '/p', job_name: 'Simple' } as const;
const friend = 'https://ci.example.com';
const stranger = 'https://evil.example';

describe('isHost', () => {
  it('accepts names and addresses, with and without a port', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.domain(),
          fc.ipV4(),
          fc.ipV6().map((address) => `[${address}]`),
          fc.constantFrom('localhost', 'db_1'),
        ),
        fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined }),
        (host, port) => isHost(port === undefined ? host : `${host}:${port}`),
      ),
    );
  });

  it('accepts nothing else', () => {
    const others = [
      '',
      ' ',
      'a b',
      'a:',
      'a:b',
      'a:65536',
      'a:1:2',
      '::1',
      '[::1',
      '[]',
      '[x]',
      'a/b',
      'u@a',
      '-a',
      'ä',
      'http://a',
      'a,b',
    ];
    for (const other of others) {
      expect(isHost(other), other).to.equal(false);
    }
  });
});

describe('isAllowedOrigin', () => {
  it('matches the whole origin, also with alternatives', () => {
    const allowed = SafeRegex.read('https://ci\\.example\\.com|https:\\/\\/ok\\.example');
    expect(isAllowedOrigin(friend, allowed)).to.equal(true);
    for (const other of [
      `${friend}.evil.example`,
      `${friend}:8080`,
      'xhttps://ok.example',
      `${friend}\n`,
      '',
    ]) {
      expect(isAllowedOrigin(other, allowed), other).to.equal(false);
    }
    expect(isAllowedOrigin(friend, null)).to.equal(false);
  });

  it('takes linear time for an expression that takes exponential time in JavaScript', () => {
    const allowed = SafeRegex.read('https://([a-z]+)*\\.example');
    for (const letters of [30, 100, 15_000]) {
      expect(isAllowedOrigin(`https://${'a'.repeat(letters)}`, allowed)).to.equal(false);
      expect(isAllowedOrigin(`https://${'a'.repeat(letters)}.example`, allowed)).to.equal(true);
    }
  });
});

describe('a request of a page of another origin', () => {
  let closed: FakeMaster;
  let open: FakeMaster;
  beforeEach(async () => {
    closed = await startFakeMaster();
    open = await startFakeMaster({ corsAllowedOrigins: 'https://ci\\.example\\.com' });
  });
  afterEach(() => Promise.all([closed.close(), open.close()]));

  const preflight = (master: FakeMaster, origin: string) =>
    request(master, 'OPTIONS', '/v1/build', {
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,clusterrunner-message-authentication-digest',
      },
    });

  it('may not read unless its origin is allowed: the response has no CORS header', async () => {
    for (const [master, origin] of [
      [closed, friend],
      [open, stranger],
      [open, 'null'],
    ] as const) {
      const response = await request(master, 'GET', '/v1', { headers: { origin } });
      expect(response.status).to.equal(200);
      expect(response.headers.get('access-control-allow-origin')).to.equal(null);
      const asked = await preflight(master, origin);
      expect(asked.status).to.equal(204);
      expect(asked.headers.get('access-control-allow-origin')).to.equal(null);
    }
  });

  it('may read when its origin is allowed, also errors', async () => {
    for (const path of ['/v1', '/v1/build/9', '/nowhere']) {
      const { headers } = await request(open, 'GET', path, { headers: { origin: friend } });
      expect(headers.get('access-control-allow-origin'), path).to.equal(friend);
      expect(headers.get('vary')).to.contain('Origin');
      expect(headers.get('access-control-expose-headers')).to.contain('Session-Id');
      expect(headers.get('access-control-allow-credentials')).to.equal(null);
    }
  });

  it('is announced by a preflight request, which succeeds', async () => {
    const response = await preflight(open, friend);
    expect(response.status).to.equal(204);
    expect(response.headers.get('access-control-allow-origin')).to.equal(friend);
    expect(response.headers.get('access-control-allow-methods')).to.contain('POST').and.contain('PUT');
    expect(response.headers.get('access-control-allow-headers')).to.contain(
      'clusterrunner-message-authentication-digest',
    );
    expect(response.headers.get('api-version')).to.equal('1');
  });

  it('changes nothing unless its origin is allowed, even if it is signed', async () => {
    for (const [master, origin] of [
      [closed, friend],
      [open, stranger],
      [open, 'null'],
    ] as const) {
      const response = await signed(master, 'POST', '/v1/build', directory, { origin });
      expect(response.status).to.equal(403);
      expect(response.body).to.include({ STATUS: 'FAILURE', code: 'FORBIDDEN_ORIGIN' });
      expect(response.body.error).to.contain(origin).and.contain('cors_allowed_origins_regex');
      expect(master.service.changes).to.deep.equal([]);
    }
    expect((await signed(open, 'POST', '/v1/build', directory, { origin: friend })).status).to.equal(202);
  });

  it("may make signed changes from the master's own origin", async () => {
    const response = await signed(closed, 'POST', '/v1/build', directory, { origin: closed.url });
    expect(response.status).to.equal(202);
  });
});

describe('the Host of a request', () => {
  let master: FakeMaster;
  beforeEach(async () => {
    master = await startFakeMaster();
  });
  afterEach(() => master.close());

  const send = (version: string, ...headers: string[]) =>
    sendBytes(
      master,
      `GET /v1/version HTTP/${version}\r\n${[...headers, 'Connection: close'].join('\r\n')}\r\n\r\n`,
    );

  it('is required exactly once, and must be valid', async () => {
    for (const headers of [[], ['Host:'], ['Host: a b'], ['Host: http://a'], ['Host: a', 'Host: b']]) {
      const response = await send('1.1', ...headers);
      expect(response, headers.join()).to.match(/^HTTP\/1\.1 400 [\s\S]*"STATUS":"FAILURE"[\s\S]*Host/);
    }
    for (const host of ['master', 'master:43000', '127.0.0.1:1', '[::1]:43000']) {
      expect(await send('1.1', `Host: ${host}`), host).to.match(/^HTTP\/1\.1 200 /);
    }
  });

  it('may be missing in HTTP/1.0', async () => {
    expect(await send('1.0')).to.match(/^HTTP\/1\.1 200 /);
    expect(await send('1.0', 'Host: a b')).to.match(/^HTTP\/1\.1 400 /);
  });
});

describe('a page whose own name was given the address of this machine (DNS rebinding)', () => {
  const opened: FakeMaster[] = [];
  const start = async (options: Parameters<typeof startFakeMaster>[0] = {}) => {
    const master = await startFakeMaster(options);
    opened.push(master);
    return master;
  };
  afterEach(() => Promise.all(opened.splice(0).map((master) => master.close())));

  const ask = (master: FakeMaster, host: string) =>
    sendBytes(master, `GET /v1/build HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);

  it('may not read from a master on loopback whose reading is public', async () => {
    const master = await start();
    for (const host of [
      'evil.example',
      'evil.example:43000',
      'localhost.evil.example',
      'master.evil.example',
    ]) {
      const response = await ask(master, host);
      expect(response, host).to.match(/^HTTP\/1\.1 421 [\s\S]*"WRONG_HOST"/);
      expect(response).to.contain('allowed_hosts').and.not.to.contain('"builds"');
    }
    for (const host of ['localhost:43000', 'ci.localhost', 'MASTER', 'master.', '127.0.0.1', '[::1]:1']) {
      expect(await ask(master, host), host).to.match(/^HTTP\/1\.1 200 /);
    }
  });

  it('may not read either by a target in absolute form, whatever the header Host says', async () => {
    const master = await start();
    const send = (target: string, ...headers: string[]) =>
      sendBytes(
        master,
        `GET ${target} HTTP/${headers.length === 0 ? '1.0' : '1.1'}\r\n${[...headers, 'Connection: close'].join('\r\n')}\r\n\r\n`,
      );
    const others = [
      'http://evil.example/v1/build',
      'HTTP://localhost@Evil.Example:43000/v1/build',
      'x://evil.example',
    ];
    for (const target of others) {
      for (const headers of [['Host: localhost'], ['Host: 127.0.0.1:43000'], []]) {
        const response = await send(target, ...headers);
        expect(response, `${target} ${headers}`).to.match(/^HTTP\/1\.1 421 [\s\S]*"WRONG_HOST"/);
        expect(response).to.contain('not known as evil.example').and.not.to.contain('"builds"');
      }
    }
    expect(await send('http://localhost/v1/build', 'Host: evil.example')).to.match(/^HTTP\/1\.1 421 /);
    for (const target of [
      'http://localhost/v1/build',
      'http://[::1]:1/v1/build',
      'http://127.0.0.1/v1/build',
    ]) {
      expect(await send(target, 'Host: localhost'), target).to.match(/^HTTP\/1\.1 200 /);
    }
  });

  it('has no token where reading needs a signature, whatever its name', async () => {
    const master = await start({ settings: { readAccess: 'signed' } });
    expect(await ask(master, 'evil.example')).to.match(/^HTTP\/1\.1 401 /);
  });
});
