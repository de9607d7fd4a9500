import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { GitProject } from '../support/project.js';
import { eventually } from '../support/wait.js';

const DIGEST = 'ClusterRunner-Message-Authentication-Digest';

interface JsonResponse {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Requests of a program that knows only the API document. */
describe('the REST API of the document', () => {
  let cluster: Cluster;
  let project: GitProject;
  before(async () => {
    cluster = await Cluster.start(1);
    project = await GitProject.create(join(cluster.root, 'project'), {
      'clusterrunner.yaml':
        'Good: {atomizers: [{N: seq 3}], commands: ["true"]}\n' +
        'Bad: {atomizers: [{N: seq 3}], commands: [test "$N" != 2]}\n' +
        `Waits: {atomizers: [{N: seq 3}], commands: ['until [ -e "${cluster.root}/go" ]; do sleep 0.02; done']}\n` +
        'Fetched: {atomizers: [{N: seq 1}], commands: [\'grep -q version "$PROJECT_DIR/version.json"\']}\n',
    });
  });
  after(() => cluster.stop());

  const parse = async (response: Response): Promise<JsonResponse> => {
    const body: unknown = await response.json();
    return { status: response.status, body: isObject(body) ? body : expect.fail('not an object') };
  };
  const get = async (path: string) => parse(await fetch(cluster.master.url + path));
  const post = async (path: string, body: string, headers: Record<string, string>) =>
    parse(
      await fetch(cluster.master.url + path, {
        method: 'POST',
        body,
        headers: { 'Content-Type': 'application/json', ...headers },
      }),
    );
  const signed = (body: string, secret = cluster.secret) => ({
    [DIGEST]: createHmac('sha512', secret).update(body).digest('hex'),
  });
  const request = (job: string, more: Record<string, unknown> = {}) =>
    JSON.stringify({ type: 'git', url: project.url, job_name: job, ...more });
  const buildOf = async (id: number) => {
    const { body } = await get(`/v1/build/${id}/`);
    return isObject(body.build) ? body.build : expect.fail('no build');
  };
  const buildIds = async () => {
    const { builds } = (await get('/v1/build')).body;
    return Array.isArray(builds) ? builds.map((build: { id: number }) => build.id) : expect.fail('no builds');
  };
  const ended = (id: number) =>
    eventually(`build ${id} has ended`, async () => {
      const build = await buildOf(id);
      return build.status !== 'BUILDING' && build;
    });

  it('accepts a signed build with 202, build_id and STATUS', async () => {
    const body = request('Good');
    expect(await post('/v1/build', body, signed(body))).to.deep.equal({
      status: 202,
      body: { build_id: 1, STATUS: 'SUCCESS' },
    });
    await ended(1);
  });

  it('shows a build that has passed', async () => {
    expect(await ended(1)).to.include({
      id: 1,
      status: 'SUCCESS',
      result: 'SUCCESS',
      num_atoms: 3,
      num_subjobs: 3,
      details: '3 of 3 subjobs are complete (100.0%).',
      error_message: null,
    });
    const { failed_atoms, artifacts } = await buildOf(1);
    expect(failed_atoms).to.deep.equal([]);
    expect(artifacts).to.be.a('string');
  });

  it('serves the archive under the path that `artifacts` names', async () => {
    const { artifacts } = await buildOf(1);
    const response = await fetch(new URL(String(artifacts), cluster.master.url));
    expect(response.status).to.equal(200);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect([...bytes.subarray(0, 2)]).to.deep.equal([0x1f, 0x8b]);
  });

  it('shows a running build with null for what is known only at its end', async () => {
    const body = request('Waits');
    const { body: accepted } = await post('/v1/build', body, signed(body));
    const id = Number(accepted.build_id);
    const build = await eventually('its atoms are known', async () => {
      const now = await buildOf(id);
      return now.num_atoms !== null && now;
    });
    expect(build).to.include({
      id,
      status: 'BUILDING',
      result: null,
      failed_atoms: null,
      artifacts: null,
      error_message: null,
      num_atoms: 3,
      num_subjobs: 3,
      details: '0 of 3 subjobs are complete (0.0%).',
    });
    await cluster.runProgram('touch', [join(cluster.root, 'go')]).ended;
    expect(await ended(id)).to.include({ status: 'SUCCESS' });
  });

  it('shows a failed build with its failed atoms', async () => {
    const body = request('Bad');
    const { body: accepted } = await post('/v1/build', body, signed(body));
    const build = await ended(Number(accepted.build_id));
    expect(build).to.include({ status: 'FAILURE', result: 'FAILURE' });
    expect(build.failed_atoms).to.be.an('array').with.length(1);
    expect(build.failed_atoms).to.have.nested.property('[0].command_string', 'export N=2;');
  });

  it('lists all builds with child_routes and STATUS', async () => {
    const { status, body } = await get('/v1/build');
    expect(status).to.equal(200);
    expect(body).to.include({ STATUS: 'SUCCESS' });
    expect(body).to.have.nested.property('builds[0].id', 1);
    expect(body.child_routes).to.be.an('object');
  });

  it('responds alike without the version and with a trailing slash', async () => {
    const expected = await get('/v1/build/1');
    expect(await get('/build/1/')).to.deep.equal(expected);
    expect(await get('/build/1')).to.deep.equal(expected);
    expect((await get('/build')).body).to.deep.equal((await get('/v1/build/')).body);
  });

  for (const { what, headers } of [
    { what: 'without a signature', headers: () => ({}) },
    { what: 'signed with another secret', headers: (body: string) => signed(body, 'another secret') },
    { what: 'with the signature of another body', headers: () => signed(request('Good')) },
    {
      what: 'with a malformed signature',
      headers: () => ({ [DIGEST]: 'grüße'.normalize('NFD').slice(0, 2) }),
    },
  ]) {
    it(`refuses a build ${what} with 401, and creates none`, async () => {
      const before = await buildIds();
      const body = request('Bad');
      const refused = await post('/v1/build', body, headers(body));
      expect(refused.status).to.equal(401);
      expect(refused.body).to.include({ STATUS: 'FAILURE' });
      expect(refused.body.error).to.be.a('string');
      expect(await buildIds()).to.deep.equal(before);
    });
  }

  for (const { what, body, named } of [
    { what: 'an unknown field', body: () => request('Good', { brnach: 'main' }), named: 'brnach' },
    { what: 'a field of the wrong type', body: () => request('Good', { branch: 7 }), named: 'branch' },
    { what: 'a missing field', body: () => JSON.stringify({ type: 'git', job_name: 'Good' }), named: 'url' },
    { what: 'an unknown type', body: () => request('Good', { type: 'svn' }), named: 'type' },
    { what: 'a body that is not JSON', body: () => '{"type": ', named: 'JSON' },
  ]) {
    it(`refuses ${what} with 400 and an error that names it`, async () => {
      const text = body();
      const refused = await post('/v1/build', text, signed(text));
      expect(refused.status).to.equal(400);
      expect(refused.body).to.include({ STATUS: 'FAILURE' });
      expect(refused.body.error).to.contain(named);
    });
  }

  it('responds with 404 for a build that does not exist', async () => {
    const { status, body } = await get('/v1/build/4711');
    expect(status).to.equal(404);
    expect(body).to.include({ STATUS: 'FAILURE' });
  });

  it('downloads remote_files of the form {URI: name}', async () => {
    const body = request('Fetched', {
      remote_files: { [`${cluster.master.url}/v1/version`]: 'version.json' },
    });
    const { status, body: accepted } = await post('/v1/build', body, signed(body));
    expect(status).to.equal(202);
    expect(await ended(Number(accepted.build_id))).to.include({ status: 'SUCCESS' });
  });
});

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
