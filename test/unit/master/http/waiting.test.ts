import { expect } from 'chai';
import type { BuildId } from '../../../../src/protocol/ids.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { fakeBuild } from '../../../support/fake-service.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { type RawResponse, request } from '../../../support/raw-request.js';
import { until } from '../../../support/until.js';

const directory = { type: 'directory', project_directory: '/p', job_name: 'Simple' } as const;

describe('waiting for a build', () => {
  let master: FakeMaster;
  let build: BuildId;
  let tag: string;
  beforeEach(async () => {
    master = await startFakeMaster();
    build = (await master.client.createBuild(directory)).build_id;
    tag = (await get('')).headers.get('etag') ?? '';
  });
  afterEach(() => master.close());

  function get(query: string, known?: string): Promise<RawResponse> {
    const headers = known === undefined ? {} : { 'if-none-match': known };
    return request(master, 'GET', `/v1/build/${build}${query}`, { headers });
  }

  function change(fields: object): void {
    master.service.builds.set(build, { ...fakeBuild(build, directory), ...fields });
    master.service.announce();
  }

  it('returns the same tag for the same build, and another for a changed one', async () => {
    expect(tag).to.match(/^"[0-9a-f]{20}"$/);
    expect((await get('')).headers.get('etag')).to.equal(tag);
    change({ num_atoms: 3 });
    expect((await get('')).headers.get('etag')).not.to.equal(tag);
  });

  it('returns the same tag while the same atoms run, and another for each failure', async () => {
    const activity = (seconds: number, total: number, slave = 's1') => ({
      activity: {
        running: [{ atom_id: 0, name: 'a', slave: 's1', seconds }],
        setting_up: [{ slave, seconds }],
        failures: { total, latest: [] },
      },
    });
    change(activity(1, 0));
    const before = (await get('')).headers.get('etag');
    change(activity(2, 0));
    expect((await get('')).headers.get('etag')).to.equal(before);
    for (const other of [activity(2, 1), activity(2, 0, 's2')]) {
      change(other);
      expect((await get('')).headers.get('etag')).not.to.equal(before);
    }
  });

  it('responds with 304 without a body to a client that has the version, in every form of If-None-Match', async () => {
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const response = await get('', known);
      expect(response.status, known).to.equal(304);
      expect(response.headers.get('etag')).to.equal(tag);
      expect(response.headers.get('session-id')).to.equal('fake-session');
      expect(response.body).to.deep.equal({});
    }
    expect((await get('', '"other"')).status).to.equal(200);
  });

  it('responds at once to a client with another version', async () => {
    const response = await get('?wait=60', '"other"');
    expect(response.status).to.equal(200);
    expect(master.service.watching).to.equal(0);
  });

  it('ends as soon as the build changes', async () => {
    const asked = get('?wait=60', tag);
    await until(() => master.service.watching === 1);
    master.service.announce();
    await until(() => master.service.watching === 1);
    change({ num_atoms: 3 });
    const response = await asked;
    expect(response.status).to.equal(200);
    expect(response.body.build).to.include({ num_atoms: 3 });
    expect(master.service.watching).to.equal(0);
  });

  it('does not end at a change when it is for the end', async () => {
    const asked = get('?wait=60&until=end');
    await until(() => master.service.watching === 1);
    change({ num_atoms: 3 });
    await until(() => master.service.watching === 1);
    change({ status: 'SUCCESS', state: 'FINISHED', result: 'SUCCESS' });
    expect((await asked).body.build).to.include({ status: 'SUCCESS' });
  });

  it('ends at once when it is for the end of an ended build', async () => {
    change({ status: 'SUCCESS', state: 'FINISHED', result: 'SUCCESS' });
    expect((await get('?wait=60&until=end')).body.build).to.include({ status: 'SUCCESS' });
  });

  it('ends after its time with the current version, or 304', async () => {
    expect((await get('?wait=0.02', tag)).status).to.equal(304);
    expect((await get('?wait=0.02&until=end', tag)).status).to.equal(304);
    const response = await get('?wait=0.02&until=end');
    expect(response.status).to.equal(200);
    expect(response.body.build).to.include({ status: 'BUILDING' });
  });

  it('ends after its time, however often the build changes', async () => {
    const clock = new ManualClock();
    const timed = await startFakeMaster({ clock });
    try {
      timed.service.builds.set(build, fakeBuild(build, directory));
      const asked = request(timed, 'GET', `/v1/build/${build}?wait=60&until=end`);
      await until(() => timed.service.watching === 1);
      clock.advance(60_000);
      timed.service.announce();
      expect((await asked).body.build).to.include({ status: 'BUILDING' });
    } finally {
      await timed.close();
    }
  });

  it('ends when the client hangs up', async () => {
    const controller = new AbortController();
    const asked = request(master, 'GET', `/v1/build/${build}?wait=60&until=end`, {
      signal: controller.signal,
    }).catch((error: unknown) => error);
    await until(() => master.service.watching === 1);
    controller.abort(new Error('enough'));
    await asked;
    await until(() => master.service.watching === 0);
  });

  it('ends with the current version when the master stops', async () => {
    const asked = get('?wait=60&until=end');
    await until(() => master.service.watching === 1);
    const [response] = await Promise.all([asked, master.stop()]);
    expect(response.status).to.equal(200);
    expect(response.headers.get('connection')).to.equal('close');
  });

  it('is refused at once for an unknown build', async () => {
    expect((await request(master, 'GET', '/v1/build/99?wait=60')).status).to.equal(404);
    expect(master.service.watching).to.equal(0);
  });

  it('is refused for an invalid time or event', async () => {
    for (const query of ['?wait=soon', '?until=lunch']) {
      const response = await get(query);
      expect(response.status, query).to.equal(400);
      expect(response.body.error).to.match(/"(wait|until)"/);
    }
  });

  it('ends at once for a negative time', async () => {
    expect((await get('?wait=-1&until=end')).status).to.equal(200);
  });
});
