import { expect } from 'chai';
import { type FakeMaster, startFakeMaster } from '../../../../support/fake-master.js';
import { request, sendBytes } from '../../../../support/raw-request.js';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8';

describe('the dashboard', () => {
  let master: FakeMaster;
  beforeEach(async () => {
    master = await startFakeMaster();
  });
  afterEach(() => master.close());

  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(master.url + path, { headers, redirect: 'manual' });
  const page = async () => await (await get('/', { accept: BROWSER })).text();
  const assetsOf = (html: string) =>
    [...html.matchAll(/"(\/ui\/assets\/[^"]+)"/g)].map(([, path = '']) => path);

  it('is served at / to browsers, with nothing but its own files', async () => {
    const response = await get('/', { accept: BROWSER });
    expect(response.status).to.equal(200);
    expect(response.headers.get('content-type')).to.equal('text/html; charset=utf-8');
    expect(response.headers.get('vary')).to.match(/Accept(,|$)/);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).to.contain("default-src 'none'").and.not.to.contain('unsafe');
    expect(policy).to.contain("frame-ancestors 'none'");
    expect(response.headers.get('x-content-type-options')).to.equal('nosniff');
    expect(response.headers.get('referrer-policy')).to.equal('no-referrer');
    expect(response.headers.get('cross-origin-opener-policy')).to.equal('same-origin');
    const html = await response.text();
    expect(html).not.to.match(/<script(?![^>]* src=)|<style| style=| on\w+=|https?:/);
    expect(assetsOf(html)).to.have.length.of.at.least(4);
  });

  it('leaves / to the API for clients that do not prefer HTML', async () => {
    const accepts = [
      undefined,
      '*/*',
      'application/json',
      'application/vnd.clusterrunner.v1+json, text/html',
      'application/json, text/html;q=0.9',
    ];
    for (const accept of accepts) {
      const { body, status } = await request(
        master,
        'GET',
        '/',
        accept === undefined ? {} : { headers: { accept } },
      );
      expect(status, accept).to.equal(200);
      expect(body, accept).to.have.nested.property('master.session_id', 'fake-session');
    }
    expect((await get('/', { accept: 'image/png' })).status).to.equal(406);
  });

  it('is served at each of its own paths', async () => {
    for (const path of ['/ui', '/ui/', '/ui/builds', '/ui/build/7/atom/3', '/ui/anything']) {
      const response = await get(path);
      expect(response.status, path).to.equal(200);
      expect(await response.text(), path).to.contain('<div id="page">');
    }
  });

  it('has files that browsers may keep forever', async () => {
    for (const path of assetsOf(await page())) {
      const response = await get(path);
      expect(response.status, path).to.equal(200);
      expect(response.headers.get('cache-control'), path).to.contain('immutable');
    }
  });

  it('is compressed for clients that accept gzip, and for no others', async () => {
    const [path = ''] = assetsOf(await page()).filter((name) => name.endsWith('.js'));
    const plain = await get(path, { 'accept-encoding': 'identity' });
    expect(plain.headers.get('content-encoding')).to.equal(null);
    const gzipped = await get(path, { 'accept-encoding': 'gzip' });
    expect(gzipped.headers.get('content-encoding')).to.equal('gzip');
    expect(gzipped.headers.get('vary')).to.contain('Accept-Encoding');
    // fetch unpacks the body itself.
    expect(await gzipped.text()).to.equal(await plain.text());
  });

  it('is not sent again to a browser that has it', async () => {
    const etag = (await get('/ui/builds')).headers.get('etag') ?? '';
    // fetch would add a header that asks for the whole response.
    const head = `GET /ui/builds HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIf-None-Match: ${etag}\r\n\r\n`;
    const again = await sendBytes(master, head);
    expect(again).to.match(/^HTTP\/1.1 304 .*\r\n\r\n$/s);
  });

  it('responds to HEAD without a body', async () => {
    for (const path of ['/ui/builds', ...assetsOf(await page())]) {
      const head = await fetch(master.url + path, { method: 'HEAD' });
      expect(head.status, path).to.equal(200);
      expect(Number(head.headers.get('content-length')), path).to.be.above(50);
      expect(await head.text()).to.equal('');
    }
  });

  it('has no other file and changes nothing', async () => {
    const missing = await request(master, 'GET', '/ui/assets/main-AAAAAAAA.css');
    expect(missing.status).to.equal(404);
    expect(missing.body).to.have.property('code', 'NOT_FOUND');
    for (const path of [
      '/ui/assets/..%2Fmanifest.json',
      '/ui/assets/manifest.json',
      '/ui/assets/page.html',
    ]) {
      expect((await get(path)).status, path).to.equal(404);
    }
    expect((await request(master, 'POST', '/ui/builds')).status).to.equal(405);
  });

  it('needs no token where reading does, since it has no data', async () => {
    const closed = await startFakeMaster({ settings: { readAccess: 'signed' } });
    try {
      const html = await (await fetch(closed.url, { headers: { accept: BROWSER } })).text();
      expect(html).to.contain('<div id="page">');
      for (const path of assetsOf(html)) {
        expect((await fetch(closed.url + path)).status, path).to.equal(200);
      }
      expect((await fetch(`${closed.url}/v1`)).status).to.equal(401);
    } finally {
      await closed.close();
    }
  });
});
