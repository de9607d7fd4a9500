import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect } from 'chai';
import { followBuild } from '../../../../../src/cli/build/progress/follow.js';
import { MasterClient } from '../../../../../src/client/master-client.js';
import { systemClock } from '../../../../../src/lib/clock.js';
import type { Build } from '../../../../../src/protocol/build/build.js';
import { toId } from '../../../../../src/protocol/ids.js';
import { type FakeMaster, startFakeMaster } from '../../../../support/fake-master.js';
import { fakeBuild } from '../../../../support/fake-service.js';
import { until } from '../../../../support/until.js';

const request = { type: 'directory', project_directory: '/p', job_name: 'Simple' } as const;
const id = toId.build(1);

describe('following a build', () => {
  let master: FakeMaster;
  beforeEach(async () => {
    master = await startFakeMaster();
    await master.client.createBuild(request);
  });
  afterEach(() => master.close());

  function change(to: Partial<Build>) {
    const build = master.service.builds.get(id);
    if (build !== undefined) {
      master.service.builds.set(id, { ...build, ...to });
    }
    master.service.announce();
  }

  function questions(): number {
    return master.service.counted.filter((line) => line.startsWith('GET ')).length;
  }

  function follow(everySeconds: number, seen: Build[] = [], signal = new AbortController().signal) {
    return followBuild({
      client: master.client,
      buildId: id,
      clock: systemClock,
      signal,
      everySeconds,
      onChange: (build) => seen.push(build),
      onResponse: () => undefined,
      onUnreachable: () => undefined,
    });
  }

  it('sees the end at once, with one long poll', async () => {
    const seen: Build[] = [];
    const following = follow(30, seen);
    await until(() => seen.length === 1);
    change({ status: 'SUCCESS', state: 'FINISHED', result: 'SUCCESS' });
    expect((await following).status).to.equal('SUCCESS');
    expect(seen.map(({ status }) => status)).to.deep.equal(['BUILDING', 'SUCCESS']);
    await until(() => questions() === 2);
  });

  it('reports progress at the requested interval', async () => {
    const seen: Build[] = [];
    const following = follow(0.05, seen);
    await until(() => seen.length === 1);
    change({ num_atoms_done: 1 });
    await until(() => seen.length === 2);
    change({ status: 'FAILURE', state: 'FINISHED', result: 'FAILURE' });
    await following;
    expect(seen.map(({ num_atoms_done }) => num_atoms_done)).to.deep.equal([0, 1, 1]);
  });

  it('rejects with the reason of the signal', async () => {
    const stop = new AbortController();
    const following = follow(30, [], stop.signal);
    await until(() => questions() === 1);
    stop.abort(new Error('interrupted'));
    const error = await following.then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).to.have.property('message', 'interrupted');
  });

  it('polls a master without long polls', async () => {
    let polls = 0;
    const old = createServer((asked, response) => {
      if (asked.url?.includes('?')) {
        response.writeHead(400).end(JSON.stringify({ STATUS: 'FAILURE', error: 'Unknown field "wait".' }));
        return;
      }
      polls += 1;
      const status = polls < 3 ? 'BUILDING' : 'SUCCESS';
      response.end(JSON.stringify({ STATUS: 'SUCCESS', build: { ...fakeBuild(id, request), status } }));
    });
    old.listen(0, '127.0.0.1');
    await once(old, 'listening');
    const address = old.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const client = new MasterClient({ url: `http://127.0.0.1:${port}`, secret: master.secret });
    try {
      const ended = await followBuild({
        client,
        buildId: id,
        clock: systemClock,
        signal: new AbortController().signal,
        everySeconds: 30,
        onChange: () => undefined,
        onResponse: () => undefined,
        onUnreachable: () => undefined,
      });
      expect(ended.status).to.equal('SUCCESS');
      expect(polls).to.equal(3);
    } finally {
      await client.close();
      old.close();
    }
  });
});
