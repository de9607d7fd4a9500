import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { pino } from 'pino';
import { MasterClient } from '../../../src/client/master-client.js';
import { createApp } from '../../../src/master/http/app.js';
import { type Listening, listen } from '../../../src/master/http/listen.js';
import { ClusterRunnerError, type ErrorCode, isErrorCode, messageOf } from '../../../src/protocol/errors.js';
import { toId } from '../../../src/protocol/ids.js';
import { fixedSecrets } from '../../../src/protocol/signing/secrets.js';
import type { RunAssignment } from '../../../src/protocol/slave/slave-messages.js';
import { directoryBuild, MasterHarness, type TestSlave } from '../../support/master-harness.js';
import { ranIn } from '../../support/ran-in.js';
import { indexedArchive } from '../../support/subjob-archive.js';

/** Ways to damage the stored results of the first subjob of build 1; permissions would not stop root. */
const damages: Readonly<Record<string, (folder: string, archive: string) => void>> = {
  'invalid bytes': (_, archive) => writeFileSync(archive, 'rubbish'),
  'an empty file': (_, archive) => writeFileSync(archive, ''),
  'a missing file': (_, archive) => rmSync(archive),
  'a folder in the place of the file': (_, archive) => {
    rmSync(archive);
    mkdirSync(archive);
  },
  'a folder in the place of the list': (_, archive) => mkdirSync(archive.replace('.tar.gz', '.entries')),
  'a missing folder': (folder) => rmSync(folder, { recursive: true }),
  'a file in the place of the folder': (folder) => {
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

interface Scene {
  readonly harness: MasterHarness;
  readonly client: MasterClient;
  readonly slave: TestSlave;
  readonly assignment: RunAssignment;
  /** Uploads it as the result of the slave's lease. */
  readonly upload: (content: Buffer, members?: readonly number[]) => Promise<unknown>;
  /** Puts a file in the place of the folder. */
  readonly block: (name: string) => void;
}

const COMMIT = 'a'.repeat(40);
const packOf = ({ client, harness }: Scene) => {
  const file = join(harness.directory, 'some.bundle');
  writeFileSync(file, 'bundle');
  return client.sendPack(COMMIT, null, file);
};
const half = async () => {
  const { content, index } = await indexedArchive('artifact_0_0', 1000);
  return { content: content.subarray(0, content.length / 2), members: index.members };
};
const whole = () => indexedArchive('artifact_0_0', 1000);

/** Refusals of the API that concern the files of the master, with their codes. */
const refusals: Readonly<Record<string, readonly [ErrorCode, (scene: Scene) => Promise<unknown>]>> = {
  'an invalid archive': ['INVALID_REQUEST', ({ upload }) => upload(Buffer.from('rubbish'), [7])],
  'a truncated archive': [
    'INVALID_REQUEST',
    async ({ upload }) => {
      const { content, members } = await half();
      return upload(content, members);
    },
  ],
  'an archive with a wrong name in it': [
    'INVALID_REQUEST',
    async ({ upload }) => {
      const { content, index } = await indexedArchive('../etc', 1000);
      return upload(content, index.members);
    },
  ],
  'a result when a file is in the place of the folder for incoming results': [
    'UNAVAILABLE',
    async ({ upload, block }) => {
      const { content, index } = await whole();
      block('incoming');
      return upload(content, index.members);
    },
  ],
  'a result when the folder for incoming results is missing': [
    'UNAVAILABLE',
    async ({ upload, harness }) => {
      const { content, index } = await whole();
      rmSync(join(harness.directory, 'incoming'), { recursive: true });
      return upload(content, index.members);
    },
  ],
  'a result when a file is in the place of the folder of results': [
    'UNAVAILABLE',
    async ({ upload, block }) => {
      const { content, index } = await whole();
      block('results');
      return upload(content, index.members);
    },
  ],
  'a result when a folder is in its place': [
    'UNAVAILABLE',
    async ({ upload, harness, assignment }) => {
      const { content, index } = await whole();
      const inside = join(harness.directory, 'results', '1', `${assignment.subjob_id}.tar.gz`, 'x');
      mkdirSync(inside, { recursive: true });
      return upload(content, index.members);
    },
  ],
  'a result when a folder is in the place of its list': [
    'UNAVAILABLE',
    async ({ upload, harness, assignment }) => {
      const { content, index } = await whole();
      mkdirSync(join(harness.directory, 'results', '1', `${assignment.subjob_id}.entries`), {
        recursive: true,
      });
      return upload(content, index.members);
    },
  ],
  'a result on a full disk': [
    'UNAVAILABLE',
    async ({ upload, harness }) => {
      const { content, index } = await whole();
      harness.freeBytes = 1;
      return upload(content, index.members);
    },
  ],
  'a build on a full disk': [
    'UNAVAILABLE',
    async ({ client, harness }) => {
      harness.freeBytes = 1;
      await harness.advance(2000);
      return client.createBuild(directoryBuild);
    },
  ],
  'an unknown bundle': ['NOT_FOUND', ({ client }) => client.openPack(COMMIT)],
  'a missing bundle': [
    'NOT_FOUND',
    async (scene) => {
      await packOf(scene);
      rmSync(join(scene.harness.directory, 'packs'), { recursive: true });
      return scene.client.openPack(COMMIT);
    },
  ],
  'an unreadable bundle': [
    'INTERNAL',
    async (scene) => {
      await packOf(scene);
      rmSync(join(scene.harness.directory, 'packs'), { recursive: true });
      scene.block('packs');
      return scene.client.openPack(COMMIT);
    },
  ],
  'a bundle when a file is in the place of the folder of bundles': [
    'UNAVAILABLE',
    (scene) => {
      scene.block('packs');
      return packOf(scene);
    },
  ],
  'a bundle when a file is in the place of the folder for incoming bundles': [
    'UNAVAILABLE',
    (scene) => {
      scene.block('incoming');
      return packOf(scene);
    },
  ],
  'a bundle on a full disk': [
    'UNAVAILABLE',
    (scene) => {
      scene.harness.freeBytes = 1;
      return packOf(scene);
    },
  ],
  'a snapshot that the master does not have': [
    'NOT_FOUND',
    ({ client }) => client.createBuild({ type: 'snapshot', hash: COMMIT, job_name: 'Simple' }),
  ],
  'a build that does not exist': ['NOT_FOUND', ({ client }) => client.openArtifacts(toId.build(99))],
};

describe('an error of the master', () => {
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
      hostNames: [],
      settings: harness.settings,
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

  /** A download that breaks off has no message: its status is 0. */
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
    it(`tells no path of the master for damaged results: ${what}`, async () => {
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

  for (const [what, [code, provoke]] of Object.entries(refusals)) {
    it(`tells no path of the master for ${what}`, async () => {
      const assignment = await slave.take();
      const client = new MasterClient({
        url: `http://127.0.0.1:${server.port}`,
        secret: 'a secret of the tests',
        clock: harness.clock,
      });
      const report = (members: readonly number[]) => ({
        lease: assignment.lease,
        atoms: assignment.atoms.map(({ id }) => ({ id, exit_code: 0, actual_time: 1 })),
        ran_in: ranIn,
        index: { members: [...members], consoles: [] },
      });
      const upload = (content: Buffer, members: readonly number[] = []) => {
        const file = join(harness.directory, 'of-the-slave.tar.gz');
        writeFileSync(file, content);
        const { build_id, subjob_id } = assignment;
        return client.deliverResult(slave.id, build_id, subjob_id, report(members), file);
      };
      const block = (name: string) => {
        rmSync(join(harness.directory, name), { recursive: true, force: true });
        writeFileSync(join(harness.directory, name), 'no folder');
      };
      try {
        const error: unknown = await provoke({ harness, client, slave, assignment, upload, block }).catch(
          (reason: unknown) => reason,
        );
        expect(error, messageOf(error)).to.be.instanceOf(ClusterRunnerError);
        expect(error, messageOf(error)).to.include({ code });
        requireNoPath(messageOf(error), what);
      } finally {
        await client.close();
      }
    });
  }

  it('tells no path of the master when a result cannot be kept', async () => {
    const assignment = await slave.take();
    writeFileSync(join(harness.directory, 'results', '1'), 'no folder');
    const error: unknown = await slave.deliver(assignment).catch((reason: unknown) => reason);
    expect(error).to.include({ code: 'UNAVAILABLE' });
    expect(messageOf(error)).to.contain('ENOTDIR');
    requireNoPath(messageOf(error), 'deliver');
  });
});
