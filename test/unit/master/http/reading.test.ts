import { expect } from 'chai';
import type { Atom, Subjob } from '../../../../src/protocol/build/work.js';
import { toId } from '../../../../src/protocol/ids.js';
import { noFacts } from '../../../../src/protocol/results/result-facts.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { request } from '../../../support/raw-request.js';
import { until } from '../../../support/until.js';

const directory = { type: 'directory', project_directory: '/p', job_name: 'Simple' } as const;

const atomOf = (id: number, subjob: number): Atom => ({
  id: toId.atom(id),
  subjob_id: toId.subjob(subjob),
  command_string: `export TOKEN=${id}`,
  state: 'NOT_STARTED',
  slave: null,
  outcome: null,
  num_retries: 0,
  ...noFacts,
  exit_code: null,
  expected_time: null,
  actual_time: null,
  started_at: null,
  cached_from: null,
  not_cached: null,
  error: null,
});
const subjobOf = (id: number, atoms: Atom[]): Subjob => ({
  id: toId.subjob(id),
  command: 'echo $TOKEN',
  atoms,
  slave: null,
  state: 'NOT_STARTED',
  attempt: 0,
});

describe('reading', () => {
  let master: FakeMaster;
  beforeEach(async () => {
    master = await startFakeMaster();
    const { build_id } = await master.client.createBuild(directory);
    master.service.subjobs.set(build_id, [
      subjobOf(0, [atomOf(0, 0), atomOf(1, 0)]),
      subjobOf(1, [atomOf(2, 1)]),
    ]);
    master.service.consoles.set('1/1', ['one', 'two', 'three']);
  });
  afterEach(() => master.close());

  const get = async (path: string) => (await request(master, 'GET', path)).body;
  const numbers = (list: unknown) => (Array.isArray(list) ? list.map(({ id }) => id) : list);

  it('returns the unfinished builds at the queue, in pages', async () => {
    for (let n = 0; n < 3; n += 1) {
      await master.client.createBuild(directory);
    }
    await master.client.cancelBuild(toId.build(2));
    const whole = await get('/v1/queue');
    expect(numbers(whole.builds)).to.deep.equal([1, 3, 4]);
    expect(whole)
      .to.include({ total: 3 })
      .and.to.deep.include({ child_routes: { build: '/v1/build/:buildId' } });
    const page = await get('/queue?offset=1&limit=1');
    expect(numbers(page.builds)).to.deep.equal([3]);
    expect(page.total).to.equal(3);
    expect(numbers((await get('/v1/queue?offset=9007199254740991')).builds)).to.deep.equal([]);
  });

  it('explains why a build is not done', async () => {
    const { explanation } = await get('/v1/build/1/explain');
    expect(explanation).to.deep.include({
      build_id: 1,
      state: 'QUEUED',
      reasons: [{ reason: 'NO_SLAVE', text: 'No slave is connected.' }],
    });
  });

  it('finds subjobs and atoms with and without the subjob in the path', async () => {
    const list = await get('/v1/build/1/subjob?limit=1&offset=1');
    expect(list).to.have.property('total', 2);
    expect(numbers(list.subjobs)).to.deep.equal([1]);
    expect((await get('/v1/build/1/subjob/1')).subjob).to.deep.equal(subjobOf(1, [atomOf(2, 1)]));
    expect(numbers((await get('/v1/build/1/atom')).atoms)).to.deep.equal([0, 1, 2]);
    expect(numbers((await get('/v1/build/1/subjob/0/atom?offset=1')).atoms)).to.deep.equal([1]);
    expect((await get('/v1/build/1/atom/2')).atom).to.deep.equal(atomOf(2, 1));
    expect((await get('/v1/build/1/subjob/1/atom/2')).atom).to.deep.equal(atomOf(2, 1));
  });

  it('finds an atom by its index in the subjob where no atom of the subjob has that number', async () => {
    expect((await get('/v1/build/1/subjob/1/atom/0')).atom).to.deep.equal(atomOf(2, 1));
    expect((await get('/v1/build/1/subjob/0/atom/1')).atom).to.deep.equal(atomOf(1, 0));
  });

  it('accepts plural names in paths', async () => {
    expect(await get('/builds')).to.deep.equal(await get('/v1/build'));
    expect(await get('/v1/builds/1/subjobs/1/atoms')).to.deep.equal(await get('/v1/build/1/subjob/1/atom'));
    expect(await get('/v1/slaves')).to.deep.equal(await get('/v1/slave'));
  });

  it('has the members that clients of ClusterRunner 0.x read at the queue, the root and slaves', async () => {
    const { queue, builds } = await get('/v1/queue');
    expect(queue).to.deep.equal(builds);
    expect((await get('/v1')).master)
      .to.include({ status: 'Master service is up.' })
      .and.to.have.property('slaves');
  });

  it('has the event members of ClusterRunner 0.x on request', async () => {
    master.service.events.push({
      id: 7,
      timestamp: 1_700_000_000,
      tag: 'BUILD_ENDED',
      data: { build_id: 1 },
    });
    expect((await get('/v1/eventlog?format=0.x')).events).to.deep.equal([
      {
        ...{ id: 7, timestamp: 1_700_000_000, tag: 'BUILD_ENDED', data: { build_id: 1 } },
        ...{ __id__: 7, __timestamp__: 1_700_000_000, __tag__: 'BUILD_ENDED', build_id: 1 },
      },
    ]);
    expect((await get('/v1/eventlog')).events).to.not.have.nested.property('[0].__id__');
  });

  it('says which part of a path does not exist', async () => {
    const cases: [path: string, sentence: RegExp][] = [
      ['/v1/build/2/subjob', /no build 2/],
      ['/v1/build/2/explain', /no build 2/],
      ['/v1/build/1/subjob/7', /no subjob 7/],
      ['/v1/build/1/subjob/7/atom', /no subjob 7/],
      ['/v1/build/1/atom/7', /no atom 7/],
      ['/v1/build/1/atom/7/console', /no atom 7/],
      ['/v1/build/1/atom/7/console/search?q=a', /no atom 7/],
      ['/v1/build/1/subjob/0/atom/2', /Subjob 0 .*has 2 atoms, and none with the number or at the index 2/],
      ['/v1/build/1/subjob/0/atom/2/console', /Subjob 0 .*none with the number or at the index 2/],
      ['/v1/slave/7', /no slave 7/],
    ];
    for (const [path, sentence] of cases) {
      const response = await request(master, 'GET', path);
      expect(response.status, path).to.equal(404);
      expect(response.body.error).to.match(sentence);
    }
  });

  it('returns the last lines of a console, or those from a given line on', async () => {
    const { child_routes: _, ...last } = await get('/v1/build/1/atom/1/console?max_lines=2');
    expect(last).to.deep.equal({
      STATUS: 'SUCCESS',
      offset_line: 1,
      num_lines: 2,
      total_num_lines: 3,
      content: 'two\nthree\n',
    });
    expect(await get('/v1/build/1/subjob/0/atom/1/console?offset_line=0&max_lines=1')).to.include({
      content: 'one\n',
    });
    expect(await get('/v1/build/1/atom/1/console?offset_line=99')).to.include({ num_lines: 0, content: '' });
  });

  it('searches a console for the text in q, and refuses a search without one', async () => {
    const { child_routes: _, ...found } = await get('/v1/build/1/atom/1/console/search?q=o');
    expect(found).to.deep.equal({
      STATUS: 'SUCCESS',
      matches: [
        { line: 0, column: 0, length: 1, text: 'one', text_column: 0 },
        { line: 1, column: 2, length: 1, text: 'two', text_column: 0 },
      ],
      from_line: 0,
      scanned_to_line: 3,
      done: true,
      total_num_lines: 3,
    });
    const limited = await get('/v1/build/1/subjob/0/atom/1/console/search?q=o&from_line=1&limit=1');
    expect(limited.matches).to.have.nested.property('[0].text', 'two');
    expect(limited.matches).to.have.length(1);
    for (const query of [
      '',
      'q=',
      `q=${'x'.repeat(1001)}`,
      'q=a&case=yes',
      'q=a&regex=1',
      'q=a&from_line=x',
    ]) {
      const { status } = await request(master, 'GET', `/v1/build/1/atom/1/console/search?${query}`);
      expect(status, query).to.equal(400);
    }
  });

  it('clamps the lines of a console to their bounds, and refuses text that is no number', async () => {
    for (const query of [
      'max_lines=0',
      'max_lines=-1',
      'max_lines=1000000000',
      'offset_line=-1',
      'lines=1',
    ]) {
      const response = await request(master, 'GET', `/v1/build/1/atom/1/console?${query}`);
      expect(response.status, query).to.equal(200);
    }
    for (const query of ['max_lines=many', 'offset_line=x', 'offset_line=']) {
      const response = await request(master, 'GET', `/v1/build/1/atom/1/console?${query}`);
      expect(response.status, query).to.equal(400);
      expect(response.body.error).to.contain(`"${query.split('=')[0]}"`);
    }
  });

  it('returns metrics in the format of Prometheus', async () => {
    const response = await fetch(`${master.url}/v1/metrics`, {
      headers: { accept: 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4' },
    });
    expect(response.status).to.equal(200);
    expect(response.headers.get('content-type')).to.equal('text/plain; version=0.0.4; charset=utf-8');
  });

  it('counts every request under the path template of its route', async () => {
    await get('/v1/build/1');
    await get('/build/77/');
    await get('/v1/build/no-number');
    await request(master, 'HEAD', '/v1/version');
    await get('/nowhere/77');
    await until(() => master.service.counted.length === 5);
    expect(master.service.counted).to.have.members([
      'POST /v1/build 202',
      'GET /v1/build/:buildId 200',
      'GET /v1/build/:buildId 404',
      'GET /v1/build/:buildId 400',
      'HEAD /v1/version 200',
    ]);
    expect(await (await fetch(`${master.url}/metrics`)).text()).to.contain('/v1/build/:buildId');
  });

  it('does not count a request whose client hung up before the response', async () => {
    const hangUp = new AbortController();
    const asked = fetch(`${master.url}/v1/build/1?wait=60`, {
      headers: { 'if-none-match': '*' },
      signal: hangUp.signal,
    }).catch(() => undefined);
    await until(() => master.service.watching === 1);
    hangUp.abort();
    await asked;
    await until(() => master.service.watching === 0);
    await get('/v1/version');
    await until(() => master.service.counted.includes('GET /v1/version 200'));
    expect(master.service.counted).to.have.members(['POST /v1/build 202', 'GET /v1/version 200']);
  });
});
