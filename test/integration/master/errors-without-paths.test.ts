import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { pino } from 'pino';
import { createApp } from '../../../src/master/http/app.js';
import { defaultLimits } from '../../../src/master/http/limits/limits.js';
import { type Listening, listen } from '../../../src/master/http/listen.js';
import { isErrorCode, messageOf } from '../../../src/protocol/errors.js';
import { fixedSecrets } from '../../../src/protocol/signing/secrets.js';
import { directoryBuild, MasterHarness, type TestSlave } from '../../support/master-harness.js';

/** Each breaks what is kept of the first subjob of build 1 in a way of its own; permissions would not stop root. */
const damages: Readonly<Record<string, (folder: string, archive: string) => void>> = {
  rubbish: (_, archive) => writeFileSync(archive, 'rubbish'),
  'an empty file': (_, archive) => writeFileSync(archive, ''),
  'no file': (_, archive) => rmSync(archive),
  'a folder in its place': (_, archive) => {
    rmSync(archive);
    mkdirSync(archive);
  },
  'a folder in the place of its list': (_, archive) => mkdirSync(archive.replace('.tar.gz', '.entries')),
  'no folder': (folder) => rmSync(folder, { recursive: true }),
  'a file in the place of its folder': (folder) => {
    rmSync(folder, { recursive: true });
    writeFileSync(folder, '');
  },
};
const reads = [
  'artifacts.tar.gz',
  'artifacts.zip',
  'artifact/artifact_0_0',
  'artifact/artifact_0_0/file',
  'atom/0/console',
  'subjob/0/atom/0/console',
  'artifact/no-folder',
];

describe('errors of the master', () => {
  let harness: MasterHarness;
  let slave: TestSlave;
  let server: Listening;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
    await harness.master.createBuild(directoryBuild);
    slave = await harness.slave();
    await slave.prepare(1);
    const app = createApp({
      service: harness.master,
      reading: harness.master,
      secrets: fixedSecrets('a secret of the tests'),
      acceptBodyDigest: true,
      readAccess: 'public',
      hostNames: [],
      limits: defaultLimits,
      rememberNonce: () => true,
      clock: harness.clock,
      log: pino({ level: 'silent' }),
      temporaryDirectory: join(harness.directory, 'incoming'),
      version: '1.2.3',
    });
    server = await listen(app, { port: 0, hostname: '127.0.0.1', explicit: true });
  });
  afterEach(async () => {
    await server.close();
    await harness.close();
  });

  /** A download that breaks off says nothing at all: its status is 0. */
  const get = async (path: string) => {
    try {
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
      return { status: response.status, text: await response.text() };
    } catch (error) {
      return { status: 0, text: messageOf(error) };
    }
  };
  const requireNoPath = (text: string, what: string) => {
    expect(text, what).not.to.contain(harness.directory);
    expect(text, what).not.to.contain('/results/');
  };

  for (const [what, damage] of Object.entries(damages)) {
    it(`tell no path of it when there is ${what} where results were`, async () => {
      const assignment = await slave.take();
      await slave.deliver(assignment, { content: 'no archive' });
      const folder = join(harness.directory, 'results', '1');
      damage(folder, join(folder, `${assignment.subjob_id}.tar.gz`));
      let failed = 0;
      for (const read of reads) {
        const { status, text } = await get(`/v1/build/1/${read}`);
        if (status >= 400) {
          failed += 1;
          const body: unknown = JSON.parse(text);
          expect(body, read).to.have.property('code').that.satisfies(isErrorCode);
          requireNoPath(text, `${read} ${text}`);
        }
      }
      expect(failed).to.be.above(0);
    });
  }

  it('tell no path of it when it cannot keep a result', async () => {
    const assignment = await slave.take();
    writeFileSync(join(harness.directory, 'results', '1'), 'no folder');
    const error: unknown = await slave.deliver(assignment).catch((reason: unknown) => reason);
    expect(error).to.include({ code: 'UNAVAILABLE' });
    expect(messageOf(error)).to.contain('ENOTDIR');
    requireNoPath(messageOf(error), 'deliver');
  });
});
