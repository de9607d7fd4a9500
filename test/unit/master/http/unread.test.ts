import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import type { Event } from '../../../../src/protocol/event.js';
import { toId } from '../../../../src/protocol/ids.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { request, signedAsRfc9421 } from '../../../support/raw-request.js';
import { until } from '../../../support/until.js';

const LIMIT = 40 * 1024 ** 2;
/** Far more than the system buffers for a connection that nobody reads. */
const VALUE = 'x'.repeat(8000);
const ATOMS = 3000;
/** Compressed, the responses would be small. */
const plain = { 'accept-encoding': 'identity' };

describe('a large response', () => {
  let master: FakeMaster;
  const sockets: Socket[] = [];
  beforeEach(async () => {
    master = await startFakeMaster({ settings: { maxUnreadBytes: LIMIT, unreadTimeout: 0.3 } });
    const atoms = Array.from({ length: ATOMS }, (_, at) => ({ TEST: `${at} ${VALUE}` }));
    await master.service.createBuild({
      type: 'directory',
      project_directory: '/p',
      job_name: 'Simple',
      atoms_override: atoms,
    });
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) {
      socket.destroy();
    }
    await master.close();
  });

  /** A connection that reads only on demand. */
  function ask(path: string, header = ''): Socket {
    const socket = connect(Number(new URL(master.url).port), '127.0.0.1').pause();
    socket.on('error', () => undefined);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${header}\r\n`);
    sockets.push(socket);
    return socket;
  }

  it('is sent completely to a client that reads it, with its length', async () => {
    const { status, body, headers } = await request(master, 'GET', '/v1/build/1', { headers: plain });
    expect(status).to.equal(200);
    expect(headers.get('content-type')).to.match(/^application\/json/);
    expect(Number(headers.get('content-length'))).to.be.above(ATOMS * VALUE.length);
    expect(body).to.have.nested.property('build.request_params.atoms_override').with.length(ATOMS);
    expect((await request(master, 'HEAD', '/v1/build/1', { headers: plain })).status).to.equal(200);
    expect((await request(master, 'GET', '/v1/build/1', { headers: plain })).status).to.equal(200);
  });

  it('is refused to an address with too many unread bytes', async () => {
    ask('/v1/build/1');
    await until(async () => (await request(master, 'GET', '/v1/build/1', { headers: plain })).status === 429);
    const refused = await request(master, 'GET', '/v1/build/1', { headers: plain });
    expect(refused.body.code).to.equal('TOO_MANY_REQUESTS');
    expect(Number(refused.headers.get('retry-after'))).to.be.above(0);
    expect((await request(master, 'GET', '/v1/version')).status).to.equal(200);
    expect((await signedAsRfc9421(master, 'GET', '/v1/build/1', undefined)).status).to.equal(200);
  });

  it('is cut off when it is not read, and its address may try again', async () => {
    ask('/v1/build/1');
    await until(async () => (await request(master, 'GET', '/v1/build/1', { headers: plain })).status === 429);
    await until(async () => (await request(master, 'GET', '/v1/build/1', { headers: plain })).status === 200);
  });

  it('is tagged without hashing again what cannot change while the build runs', async () => {
    const build = await master.service.getBuild(toId.build(1));
    const { atoms_override: atoms = [] } = build.request_params;
    let looks = 0;
    Object.defineProperty(atoms, 'toJSON', {
      value: () => {
        looks += 1;
        return ['seen'];
      },
    });
    const first = await request(master, 'GET', '/v1/build/1', { headers: plain });
    const tag = first.headers.get('etag') ?? '';
    const sent = looks;
    const again = await request(master, 'GET', '/v1/build/1?wait=0', { headers: { 'if-none-match': tag } });
    expect(again.status).to.equal(304);
    expect(looks).to.equal(sent);
    master.service.builds.set(build.id, { ...build, num_atoms_done: 1 });
    const changed = await request(master, 'GET', '/v1/build/1', { headers: { 'if-none-match': tag } });
    expect(changed.status).to.equal(200);
    expect(changed.headers.get('etag')).not.to.equal(tag);
  });

  it('has another tag for a build with other atoms', async () => {
    const tags = new Set<string | null>();
    const build = await master.service.getBuild(toId.build(1));
    for (const atoms of [[{ A: '1' }], [{ A: '2' }], []]) {
      const request_params = { ...build.request_params, atoms_override: atoms };
      master.service.builds.set(build.id, { ...build, request_params });
      tags.add((await request(master, 'GET', '/v1/build/1', { headers: plain })).headers.get('etag'));
    }
    expect(tags.size).to.equal(3);
  });

  it('cuts off a client that reads no events, which goes on from the last one it got', async () => {
    const eventOf = (id: number): Event => ({ id, timestamp: id, tag: 'BUILD_ENDED', data: { text: VALUE } });
    const { events } = master.service;
    const last = 1500;
    events.push(...Array.from({ length: last }, (_, at) => eventOf(at + 1)));
    const socket = ask('/v1/events?since_id=0');
    await until(() => JSON.stringify(master.logged).includes('A reader took nothing'));
    let text = '';
    socket.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    socket.resume();
    await until(() => socket.destroyed || socket.readableEnded);
    const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    expect(ids.length).to.be.within(1, last - 1);
    let rest = '';
    const came = ids.at(-2) ?? 0;
    ask('/v1/events', `Last-Event-ID: ${came}\r\n`)
      .setEncoding('utf8')
      .on('data', (piece: string) => {
        rest += piece;
      })
      .resume();
    await until(() => rest.includes(`\nid: ${last}\n`));
    const others = [...rest.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    expect(others).to.deep.equal(Array.from({ length: last - came }, (_, at) => came + 1 + at));
  });
});
