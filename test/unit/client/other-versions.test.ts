import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { MasterClient } from '../../../src/client/master-client.js';
import { findPackageJSON } from '../../../src/lib/package-json.js';
import { messageOf } from '../../../src/protocol/errors.js';
import { toId } from '../../../src/protocol/ids.js';
import { signedResponseHeaders } from '../../../src/protocol/signing/signed-responses.js';
import { contentDigestOf } from '../../../src/protocol/signing/signing.js';
import { failureOf } from '../../support/failure-of.js';

/*
 * Recorded responses of masters, by the method of the client that requests them. `older.json` is from a master before the revision
 * of a build, interrupted atoms, and complete atoms in the lists of failed ones. A recorded response is never changed, since the
 * masters that send it do not change either.
 */

type Recorded = Readonly<Record<string, unknown>>;

const SECRET = 'a secret of the tests';
const folder = join(findPackageJSON(import.meta.url), '../test/fixtures/responses');
const recorded = (name: string): Recorded => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));

const build = toId.build(1);
const job = toId.job(1);
const page = { offset: 0, limit: 20 };
const calls: Readonly<Record<string, (client: MasterClient) => Promise<unknown>>> = {
  getVersion: (client) => client.getVersion(),
  createBuild: (client) => client.createBuild({ type: 'directory', project_directory: '/p', job_name: 'J' }),
  rerunFailed: (client) => client.rerunFailed(build),
  rerunAll: (client) => client.rerunAll(build),
  getBuild: (client) => client.getBuild(build),
  watchBuild: (client) => client.watchBuild(build, { waitSeconds: 0, until: 'end', etag: null }),
  listBuilds: (client) => client.listBuilds(page),
  listUnfinished: (client) => client.listUnfinished(page),
  explainBuild: (client) => client.explainBuild(build),
  listAtoms: (client) => client.listAtoms(build, page),
  getAtom: (client) => client.getAtom(build, toId.atom(0)),
  listFailureGroups: (client) => client.listFailureGroups(build, {}),
  searchConsole: (client) => client.searchConsole(build, toId.atom(0), { q: 'begun' }),
  getConsole: (client) => client.getConsole(build, toId.atom(0), {}),
  listJobs: (client) => client.listJobs(page),
  getJob: (client) => client.getJob(job),
  listJobBuilds: (client) => client.listJobBuilds(job, page),
  listJobAtoms: (client) => client.listJobAtoms(job, page),
  getAtomHistory: (client) => client.getAtomHistory(job, 'T=a'),
  getHistoryOfAtom: (client) => client.getHistoryOfAtom(build, toId.atom(0)),
  getTimeline: (client) => client.getTimeline(build),
  getUtilization: (client) => client.getUtilization({}),
  listSlaves: (client) => client.listSlaves(page),
  drainSlaves: (client) => client.drainSlaves('all'),
  cancelBuild: (client) => client.cancelBuild(build),
  knownPacks: (client) => client.knownPacks([]),
  followEvents: (client) => firstOf(client.followEvents()),
};

/** Methods for routes that the master of `older.json` does not have. */
const newer = [
  ...['getTimeline', 'listFailureGroups', 'searchConsole', 'rerunAll', 'getUtilization'],
  ...['listJobs', 'getJob', 'listJobBuilds', 'listJobAtoms', 'getAtomHistory', 'getHistoryOfAtom'],
];

/** Methods for slaves, which register with their protocol version, and methods with responses of bytes. */
const others = [
  ...['registerSlave', 'goodbyeSlave', 'askForWork', 'returnPreparation', 'returnLease', 'deliverResult'],
  ...['reportPrepared', 'reportPreparationFailed', 'reportProgress', 'getPack'],
  ...['openArtifacts', 'followArtifacts', 'openPack', 'sendPack', 'close', 'constructor'],
];

async function firstOf<T>(items: AsyncGenerator<T>): Promise<T> {
  for await (const item of items) {
    return item;
  }
  throw new Error('There was none.');
}

/** The user chooses the names of the fields of these objects, and their values have one type. */
const RECORDS = new Set(['state_timestamps', 'data', 'remote_files', 'atomizers', 'atoms_override']);

function withUnknownFields(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(withUnknownFields);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const fields = Object.entries(value).map(([key, one]) => [
    key,
    RECORDS.has(key) ? one : withUnknownFields(one),
  ]);
  return { ...Object.fromEntries(fields), of_a_newer_version: { deep: ['x'] } };
}

describe('a client of a master of another version', () => {
  let server: Server;
  let client: MasterClient;
  let respond: (request: IncomingMessage, body: string) => { status: number; json: unknown };
  const requests: string[] = [];
  beforeEach(async () => {
    requests.length = 0;
    server = createServer(async (request, response) => {
      const body = await text(request);
      requests.push(body);
      const { status, json } = respond(request, body);
      if (request.headers.accept === 'text/event-stream') {
        response.writeHead(status, { 'content-type': 'text/event-stream' });
        response.end(`data: ${JSON.stringify(json)}\n\n`);
        return;
      }
      const bytes = Buffer.from(JSON.stringify(json));
      const digest = contentDigestOf(bytes);
      const requestSignature = String(request.headers.signature);
      response.writeHead(status, {
        'content-type': 'application/json',
        ...signedResponseHeaders(SECRET, { status, digest, requestSignature }, 0),
      });
      response.end(bytes);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : null;
    client = new MasterClient({ url: `http://127.0.0.1:${port}`, secret: SECRET });
  });
  afterEach(async () => {
    await client.close();
    server.close();
  });

  const readAs = (name: string, sent: unknown): Promise<unknown> => {
    const accepted = ['createBuild', 'rerunFailed', 'rerunAll'].includes(name);
    respond = () => ({ status: accepted ? 202 : 200, json: sent });
    return calls[name]?.(client) ?? Promise.reject(new Error(`No call for ${name}.`));
  };
  const sentIn = (file: Recorded, name: string): unknown => {
    const response = file[name];
    return name === 'followEvents' &&
      typeof response === 'object' &&
      response !== null &&
      'events' in response
      ? Object.values(Object(response.events))[0]
      : response;
  };

  it('is tested with every response that it reads', () => {
    const methods = Object.getOwnPropertyNames(MasterClient.prototype);
    expect(methods.filter((name) => !others.includes(name)).sort()).to.deep.equal(Object.keys(calls).sort());
    const older = Object.keys(calls).filter((name) => !newer.includes(name));
    expect(Object.keys(recorded('older')).sort()).to.deep.equal(older.sort());
    expect(Object.keys(recorded('current')).sort()).to.deep.equal(Object.keys(calls).sort());
  });

  for (const name of Object.keys(calls)) {
    it(`reads the response to ${name} of an older master, and leaves out unknown fields`, async () => {
      for (const file of newer.includes(name)
        ? [recorded('current')]
        : [recorded('older'), recorded('current')]) {
        const sent = sentIn(file, name);
        const read = await readAs(name, sent);
        expect(await readAs(name, withUnknownFields(sent))).to.deep.equal(read);
      }
    });
  }

  it('computes fields that an older master does not send from those that it sends', async () => {
    const older = recorded('older');
    const ended = await readAs('getBuild', older.getBuild);
    expect(ended).to.deep.include({ atom_variables: [], interrupted_atoms: null, revision: null });
    expect(ended).to.have.nested.include({
      'failed_atoms[0].id': 1,
      'failed_atoms[0].state': 'COMPLETED',
      'flaky_atoms[0].id': 2,
      result: 'FAILURE',
    });
    expect(await readAs('listSlaves', older.listSlaves)).to.have.nested.include({
      'slaves[0].is_alive': true,
      'slaves[0].num_unremovable': 0,
    });
  });

  it('says which part of a response it does not understand, and that the versions differ', async () => {
    const refused = await failureOf(readAs('getConsole', { offset_line: 0, num_lines: 'many' }));
    expect(refused).to.have.property('code', 'PROTOCOL_MISMATCH');
    expect(messageOf(refused)).to.match(/console.*\(\/\w+: .*\), so it is of another version; use the same/);
  });

  it('repeats a request for a build once without its revision when a master refuses that field', async () => {
    const request = { type: 'directory', project_directory: '/p', job_name: 'J' } as const;
    const revision = { commit: 'c'.repeat(40), branch: null, subject: null, has_changes: false };
    respond = (_, body) =>
      body.includes('revision')
        ? { status: 400, json: { error: 'Unknown field "revision" in it.', code: 'INVALID_REQUEST' } }
        : { status: 202, json: { build_id: 7 } };
    expect(await client.createBuild({ ...request, revision })).to.deep.equal({ build_id: 7 });
    expect(requests.map((body) => JSON.parse(body))).to.deep.equal([{ ...request, revision }, request]);
  });

  it('leaves out who requests a build when a master refuses that field', async () => {
    const request = { type: 'directory', project_directory: '/p', job_name: 'J' } as const;
    const revision = { commit: 'c'.repeat(40), branch: null, subject: null, has_changes: false };
    respond = (_, body) =>
      body.includes('requested_by')
        ? { status: 400, json: { error: 'Unknown field "requested_by" in it.', code: 'INVALID_REQUEST' } }
        : { status: 202, json: { build_id: 7 } };
    const named = { ...request, revision, requested_by: 'ada' };
    expect(await client.createBuild(named)).to.deep.equal({ build_id: 7 });
    expect(await client.rerunFailed(build, { requestedBy: 'ada' })).to.deep.equal({ build_id: 7 });
    expect(requests.map((body) => JSON.parse(body))).to.deep.equal([
      named,
      { ...request, revision },
      { requested_by: 'ada' },
      {},
    ]);
  });

  it('does not repeat a request for a build that was accepted with a response that it does not understand', async () => {
    respond = () => ({ status: 202, json: { build: 'seven' } });
    const revision = { commit: 'c'.repeat(40), branch: null, subject: null, has_changes: false };
    const request = { type: 'directory', project_directory: '/p', job_name: 'J', revision } as const;
    expect(await failureOf(client.createBuild(request))).to.have.property('code', 'PROTOCOL_MISMATCH');
    expect(requests).to.have.length(1);
  });

  it('names the versions when an older master does not have a path', async () => {
    const error = 'There is no /v1/build/1 here; GET /v1 begins the API, and docs/api.md lists it.';
    respond = () => ({ status: 404, json: { error, code: 'NOT_FOUND' } });
    expect(messageOf(await failureOf(client.getBuild(build)))).to.contain(
      'older version than this program; use the same version of ClusterRunner on both sides.',
    );
  });

  it('names the versions when an older master refuses a field', async () => {
    respond = () => ({
      status: 400,
      json: { error: 'Unknown field "speculative" in the body.', code: 'INVALID_REQUEST' },
    });
    const request = { type: 'directory', project_directory: '/p', job_name: 'J', speculative: true } as const;
    expect(messageOf(await failureOf(client.createBuild(request)))).to.contain(
      'older version than this program; use the same version of ClusterRunner on both sides.',
    );
  });
});
