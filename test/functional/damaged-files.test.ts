import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import type { Program } from '../support/processes.js';
import { mountSmallDisk } from '../support/small-disk.js';
import { eventually } from '../support/wait.js';

/*
 * Damage by users and disks to each file: the program must work or end with a message that gives a remedy. It must
 * never report a bug of ClusterRunner or a stack trace.
 */

const makers = {
  'is a folder': (path: string) => mkdirSync(join(path, 'inside'), { recursive: true }),
  'is a file': (path: string) => writeFileSync(path, 'x'),
  'is empty': (path: string) => writeFileSync(path, ''),
  'is cut off': (path: string) => writeFileSync(path, '{"a": [1,'),
  'is garbage': (path: string) => writeFileSync(path, randomBytes(9000)),
  'leads to itself': (path: string) => symlinkSync(path, path),
  'is a named pipe': (path: string) => execFileSync('mkfifo', [path]),
  'leads to a device': (path: string) => symlinkSync('/dev/zero', path),
} as const;
type Damage = keyof typeof makers;

/** [path in the base directory, kinds of damage]. */
type Damages = readonly (readonly [string, readonly Damage[]])[];

const ofAll: Damages = [
  [
    'clusterrunner.conf',
    ['is a folder', 'is garbage', 'leads to itself', 'is a named pipe', 'leads to a device'],
  ],
  ['clusterrunner.conf.new-secret', ['is a named pipe']],
  ['services', ['is a file', 'leads to itself']],
  ['services/1.json', ['is a folder', 'is cut off', 'is a named pipe', 'leads to a device']],
];
const ofMaster: Damages = [
  ['log', ['is a file']],
  ['master', ['is a file', 'leads to itself']],
  ['master/master.db', ['is a folder', 'is empty', 'is cut off', 'is garbage', 'leads to itself']],
  ['master/master.db-wal', ['is a folder', 'is garbage']],
  ['master/results', ['is a file', 'leads to itself']],
  ['master/incoming', ['is a file', 'leads to itself']],
  ['master/consoles', ['is a file']],
  ['master/packs', ['is a file']],
  ['master/packs/x.bundle', ['is a folder', 'is garbage']],
  ['master/zips', ['is a file']],
  ['master/zips/1.abc.zip', ['is a folder']],
];
const ofSlave: Damages = [
  ['slaves', ['is a file', 'leads to itself']],
  ['slaves/slave-1', ['is a file', 'leads to itself']],
  [
    'slaves/slave-1/owner',
    ['is a folder', 'is garbage', 'leads to itself', 'is a named pipe', 'leads to a device'],
  ],
  [
    'slaves/slave-1/instance',
    ['is a folder', 'is garbage', 'leads to itself', 'is a named pipe', 'leads to a device'],
  ],
  ['slaves/slave-1/instance.new', ['is a folder', 'is a named pipe']],
  ['slaves/slave-1/outbox', ['is a file', 'leads to itself']],
  ['slaves/slave-1/outbox/5.json', ['is a folder', 'is cut off', 'is a named pipe', 'leads to a device']],
  ['slaves/slave-1/outbox/5.tar.gz', ['is a folder', 'is garbage', 'is a named pipe', 'leads to a device']],
  ['slaves/slave-1/work', ['is a file']],
  ['slaves/slave-1/caches', ['is a file']],
];
const ofBuild: Damages = [
  ['local', ['is a file', 'leads to itself']],
  ['local/cluster-1/owner', ['is a folder', 'is a named pipe', 'leads to a device']],
  ['local/cluster-1/master', ['leads to itself']],
  ['local/cluster-1/master/master.db', ['is a folder', 'is garbage']],
  ['fetched', ['is a file']],
  ['../cwd/build_results', ['is a file', 'leads to itself']],
  [
    '../cwd/clusterrunner.yaml',
    ['is a folder', 'is garbage', 'leads to itself', 'is a named pipe', 'leads to a device'],
  ],
];

const JOB = 'J:\n  atomizers:\n    - T: echo 1\n  commands:\n    - echo hi\n';

describe('a damaged or misplaced file', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.create();
    writeFileSync(join(cluster.cwd, 'clusterrunner.yaml'), JOB);
  });
  afterEach(() => cluster.stop());

  const damage = (path: string, what: Damage) => {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(dirname(path), { recursive: true });
    makers[what](path);
  };

  /** The program works, which `sign` shows, or has ended with a message. */
  const worksOrRefuses = async (program: Program, sign: RegExp, about: string) => {
    await eventually(`${about}: it works or has ended`, () => program.hasEnded || sign.test(program.stdout));
    if (!program.hasEnded) {
      program.signal('SIGTERM');
    }
    const { exitCode, stdout, stderr } = await program.ended;
    const said = stdout + stderr;
    expect(said, about).to.not.match(/this is a bug|^ {4}at |please report|Node\.js v/m);
    expect([0, 1, 2, 143], `${about}: ${said}`).to.include(exitCode);
    if (exitCode === 2) {
      expect(stderr, about).to.match(/^clusterrunner: .{20,}[.)]$/m);
    }
  };

  const tryEach = async (damages: Damages, start: (base: string) => Program, sign: RegExp) => {
    for (const [name, kinds] of damages) {
      for (const what of kinds) {
        const base = join(cluster.root, 'damaged');
        mkdirSync(base, { mode: 0o700 });
        writeFileSync(join(base, 'clusterrunner.conf'), `[general]\nsecret = ${cluster.secret}\n`, {
          mode: 0o600,
        });
        const ofProject = name.startsWith('../');
        const path = ofProject ? join(cluster.root, name.slice(3)) : join(base, name);
        damage(path, what);
        await worksOrRefuses(start(base), sign, `${name} ${what}`);
        rmSync(base, { recursive: true });
        if (ofProject) {
          rmSync(path, { recursive: true, force: true });
          writeFileSync(join(cluster.cwd, 'clusterrunner.yaml'), JOB);
        }
      }
    }
  };

  it('of a master lets it work or ends it with a message', async () => {
    const start = (base: string) =>
      cluster.run(['master', '-p', '0'], {
        env: { CLUSTERRUNNER_BASE_DIRECTORY: base, CLUSTERRUNNER_LOG_FILENAME: 'master.log' },
      });
    await tryEach([...ofAll, ...ofMaster], start, /^Master is listening/m);
  }).timeout(300_000);

  it('of a slave lets it work or ends it with a message', async () => {
    const { url } = await cluster.startMaster();
    const start = (base: string) =>
      cluster.run(['slave', '-m', url, '-e', '1', '-p', '0'], {
        env: { CLUSTERRUNNER_BASE_DIRECTORY: base },
      });
    await tryEach([...ofAll, ...ofSlave], start, /^Slave is connected/m);
  }).timeout(300_000);

  it('of a build without a master lets it reach a verdict or ends it with a message', async () => {
    const start = (base: string) =>
      cluster.run(['build', 'directory'], { env: { CLUSTERRUNNER_BASE_DIRECTORY: base } });
    await tryEach([...ofAll, ...ofBuild], start, /^(SUCCESS|FAILURE)/m);
  }).timeout(300_000);

  it('is reported without a stack trace when the disk is full', async function () {
    const disk = mountSmallDisk(1);
    if (disk === null) {
      this.skip();
    }
    try {
      writeFileSync(join(disk.path, 'clusterrunner.conf'), `[general]\nsecret = ${cluster.secret}\n`, {
        mode: 0o600,
      });
      expect(() => writeFileSync(join(disk.path, 'full'), Buffer.alloc(2 * 1024 ** 2))).to.throw('ENOSPC');
      const env = { CLUSTERRUNNER_BASE_DIRECTORY: disk.path };
      const start = (...args: string[]) => cluster.run(args, { env });
      await worksOrRefuses(start('build', 'directory'), /^(SUCCESS|FAILURE)/m, 'a build on a full disk');
      await worksOrRefuses(start('master', '-p', '0'), /^Master is listening/m, 'a master on a full disk');
      const { url } = await cluster.startMaster();
      const slave = start('slave', '-m', url, '-p', '0');
      await worksOrRefuses(slave, /^Slave is connected/m, 'a slave on a full disk');
    } finally {
      disk.unmount();
    }
  }).timeout(120_000);

  it('does not keep a master that has run before from starting when the disk is full', async function () {
    const disk = mountSmallDisk(8);
    if (disk === null) {
      this.skip();
    }
    try {
      const env = { CLUSTERRUNNER_BASE_DIRECTORY: disk.path, CLUSTERRUNNER_SECRET: cluster.secret };
      const start = () => cluster.run(['master', '-p', '0'], { env });
      const first = start();
      await first.says(/^Master is listening/m);
      first.signal('SIGTERM');
      await first.ended;
      expect(() => writeFileSync(join(disk.path, 'full'), Buffer.alloc(9 * 1024 ** 2))).to.throw('ENOSPC');
      const second = start();
      await second.says(/^Master is listening/m);
      await eventually('the warning', () => second.stderr.includes('will not find this master'));
      second.signal('SIGTERM');
      await second.ended;
    } finally {
      disk.unmount();
    }
  });

  it('does not keep a master from starting and stopping when its log file lies in /proc', async () => {
    const env = { CLUSTERRUNNER_LOG_FILENAME: '/proc/x/master.log' };
    const master = cluster.run(['master', '-p', '0'], { env });
    await master.says(/^Master is listening/m);
    master.signal('SIGTERM');
    const { exitCode, stderr } = await master.ended;
    expect(exitCode).to.equal(0);
    expect(stderr).to.contain('/proc/x/master.log cannot be written and is given up');
  });
});
