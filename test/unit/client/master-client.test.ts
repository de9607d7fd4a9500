import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect } from 'chai';
import { MasterClient } from '../../../src/client/index.js';
import { parseMasterUrl } from '../../../src/client/master-url.js';
import { portOf } from '../../../src/lib/net/listen-on.js';
import { ClusterRunnerError } from '../../../src/protocol/errors.js';
import type { Event } from '../../../src/protocol/event.js';
import { toId } from '../../../src/protocol/ids.js';
import { type FakeMaster, startFakeMaster } from '../../support/fake-master.js';

const request = { type: 'directory', project_directory: '/p', job_name: 'Simple' } as const;

describe('MasterClient', () => {
  let master: FakeMaster;
  beforeEach(async () => {
    master = await startFakeMaster();
  });
  afterEach(() => master.close());

  async function errorOf(call: Promise<unknown>): Promise<unknown> {
    return call.then(
      () => null,
      (error: unknown) => error,
    );
  }

  it('creates, shows, lists and cancels builds', async () => {
    const { build_id } = await master.client.createBuild(request);
    expect((await master.client.getBuild(build_id)).state).to.equal('QUEUED');
    expect((await master.client.listUnfinished({})).total).to.equal(1);
    expect((await master.client.cancelBuild(build_id)).state).to.equal('CANCELED');
    expect((await master.client.listUnfinished({})).total).to.equal(0);
    expect((await master.client.listBuilds({ limit: 1 })).builds).to.have.length(1);
  });

  it('rejects with the code and message of the master', async () => {
    const error = await errorOf(master.client.getBuild(toId.build(9)));
    expect(error).to.be.instanceOf(ClusterRunnerError);
    expect(error).to.include({ code: 'NOT_FOUND', status: 404 });
  });

  it('names the address that does not respond', async () => {
    await master.stop();
    const error = await errorOf(master.client.getBuild(toId.build(1)));
    expect(error).to.have.property('code', 'MASTER_UNREACHABLE');
    expect(String(error)).to.include(master.url);
  });

  it('says that a server is not a master', async () => {
    const client = new MasterClient({ url: `${master.url}/elsewhere`, secret: master.secret });
    const error = await errorOf(client.getBuild(toId.build(1)));
    await client.close();
    expect(error).to.have.property('code', 'NOT_FOUND');
  });

  it('ends when its signal is aborted, also while the master holds the request', async () => {
    const { build_id } = await master.client.createBuild(request);
    const { etag } = await master.client.watchBuild(build_id, {
      waitSeconds: 0,
      until: 'change',
      etag: null,
    });
    const stop = new AbortController();
    const watching = errorOf(
      master.client.watchBuild(build_id, { waitSeconds: 60, until: 'change', etag }, { signal: stop.signal }),
    );
    stop.abort(new Error('enough'));
    expect(await watching).to.have.property('message', 'enough');
  });

  it('gives up on a master that does not respond within the timeout', async () => {
    const silent = createServer();
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const client = new MasterClient({ url: `http://127.0.0.1:${portOf(silent)}`, secret: master.secret });
    const error = await errorOf(client.getBuild(toId.build(1), { timeoutSeconds: 0.1 }));
    await client.close();
    silent.close();
    expect(error).to.have.property('code', 'MASTER_UNREACHABLE');
    expect(String(error)).to.include('timed out');
  });

  it('follows events as they happen, from any id on', async () => {
    const event = (id: number): Event => ({ id, timestamp: 1, tag: 'BUILD_CREATED', data: { build_id: id } });
    master.service.events.push(event(1), event(2));
    const seen: number[] = [];
    for await (const { id } of master.client.followEvents({ sinceId: 1 })) {
      seen.push(id);
      if (id === 2) {
        master.service.events.push(event(3));
        master.service.announce();
      } else {
        break;
      }
    }
    expect(seen).to.deep.equal([2, 3]);
  });

  it('ends the stream of events with the reason of its signal', async () => {
    const stop = new AbortController();
    const following = errorOf(master.client.followEvents({ signal: stop.signal }).next());
    stop.abort(new Error('enough'));
    expect(await following).to.have.property('message', 'enough');
  });
});

describe('parseMasterUrl', () => {
  it('accepts a URL without a scheme, and then without a port', () => {
    expect(parseMasterUrl('ci.example').href).to.equal('http://ci.example:43000/');
    expect(parseMasterUrl('ci.example:8080').href).to.equal('http://ci.example:8080/');
    expect(parseMasterUrl('https://ci.example/runner').href).to.equal('https://ci.example/runner');
  });

  it('accepts only http and https', () => {
    expect(() => parseMasterUrl('ftp://ci.example')).to.throw(
      ClusterRunnerError,
      'is not the URL of a master',
    );
    expect(() => parseMasterUrl('')).to.throw(ClusterRunnerError, 'is not the URL of a master');
  });
});
