import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../src/lib/clock.js';
import { DiskFullError, gitError } from '../../../src/project/git/git-errors.js';
import { sweepWorkspaces } from '../../../src/project/workspace/sweep-workspaces.js';
import { GitProject, writeFiles } from '../../support/project.js';
import { gitProject, openOn } from '../../support/workspaces.js';

const MIB = 1024 ** 2;

describe('the message of git about a full disk', () => {
  const said = (stderr: string) =>
    gitError('It failed', { exitCode: 1, ended: 'exited', stdout: '', stderr });

  it('is distinguished from a message about the disk of the server', () => {
    expect(said('fatal: write error: No space left on device\n')).to.be.instanceOf(DiskFullError);
    expect(said('remote: fatal: No space left on device\nfatal: early EOF\n')).to.not.be.instanceOf(
      DiskFullError,
    );
  });
});

describe('a slave whose disk is full', () => {
  let parent: string;
  let root: string;
  let small: GitProject;
  let large: GitProject;
  /** How large the disk of the slave is. */
  const resize = (mib: number) => execFileSync('mount', ['-o', `remount,size=${mib}m`, root]);

  before(async function () {
    parent = realpathSync(mkdtempSync(join(tmpdir(), 'full-disk-')));
    root = join(parent, 'root');
    mkdirSync(root);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'none', root], { stdio: 'pipe' });
    } catch {
      // Not root, or in a container that may not.
      rmSync(parent, { recursive: true });
      this.skip();
    }
    const project = async (name: string, mib: number) => {
      const made = await GitProject.create(join(parent, name), {});
      writeFileSync(join(made.directory, 'large'), randomBytes(mib * MIB));
      await made.commit({});
      return made;
    };
    small = await project('small', 2);
    large = await project('large', 8);
  });
  after(() => {
    if (existsSync(root)) {
      execFileSync('umount', [root]);
      rmSync(parent, { recursive: true });
    }
  });
  afterEach(() => {
    for (const name of readdirSync(root)) {
      rmSync(join(root, name), { recursive: true });
    }
  });

  const refusal = async (opening: Promise<unknown>) => {
    const error: unknown = await opening.catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(DiskFullError);
    return error instanceof Error ? error.message : '';
  };

  it('says what to do, leaves nothing of the unfinished workspace, and goes on when there is space', async () => {
    resize(8);
    expect(await refusal(openOn(root, gitProject(large.url)))).to.match(
      /disk of this slave is full; free space/,
    );
    expect([readdirSync(join(root, 'builds')), readdirSync(join(root, 'mirrors'))]).to.deep.equal([[], []]);
    // Room for the mirror, not for the files.
    resize(12);
    expect(await refusal(openOn(root, gitProject(large.url)))).to.contain('disk of this slave is full');
    expect(readdirSync(join(root, 'builds'))).to.deep.equal([]);
    resize(40);
    await (await openOn(root, gitProject(large.url))).release();
  });

  it('leaves no partial pack in an existing mirror', async () => {
    resize(8);
    await (await openOn(root, gitProject(small.url), { workspacesKept: 0 })).release();
    writeFileSync(join(small.directory, 'larger'), randomBytes(6 * MIB));
    await small.commit({});
    await refusal(openOn(root, gitProject(small.url)));
    const [mirror = ''] = readdirSync(join(root, 'mirrors'));
    const packs = readdirSync(join(root, 'mirrors', mirror, 'objects', 'pack'));
    expect(packs.filter((name) => /tmp/.test(name))).to.deep.equal([]);
    resize(40);
    await (await openOn(root, gitProject(small.url))).release();
  });

  it('frees space by removing the checkouts of ended builds', async () => {
    resize(20);
    writeFiles(root, { 'idle/of.another/tree/file': '' });
    writeFileSync(join(root, 'idle/of.another/tree/file'), Buffer.alloc(18 * MIB));
    const said: string[] = [];
    await openOn(root, gitProject(small.url), { warn: (message) => said.push(message) });
    expect(said).to.have.length(1);
    expect(readdirSync(join(root, 'idle'))).to.deep.equal([]);
  });

  it('reports a full disk for a remote file too', async () => {
    resize(8);
    const server = createServer((_, response) => response.end(randomBytes(10 * MIB)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const uri = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/file`;
    try {
      const remoteFileLimits = { remoteFileMaxBytes: 100 * MIB, remoteFilesTimeout: 60 };
      const folder = join(root, 'folder');
      mkdirSync(folder);
      const opening = openOn(
        root,
        { type: 'directory', project_directory: folder },
        { remoteFiles: [{ uri, name: 'x' }], remoteFileLimits },
      );
      expect(await refusal(opening)).to.contain('remote file x');
      expect(readdirSync(folder)).to.deep.equal([]);
    } finally {
      server.close();
    }
  });
});

describe('an unfinished fetch of a killed slave', () => {
  it('is removed when a slave starts there again', async () => {
    const root = mkdtempSync(join(tmpdir(), 'left-'));
    try {
      writeFiles(root, {
        'mirrors/m/HEAD': '',
        'mirrors/m/some.bundle': '',
        'mirrors/m/objects/pack/tmp_pack_123': '',
        'mirrors/m/objects/pack/pack-1.pack': '',
      });
      await sweepWorkspaces(root, systemClock, 2, expect.fail);
      expect(readdirSync(join(root, 'mirrors', 'm'), { recursive: true }).sort()).to.deep.equal([
        'HEAD',
        'objects',
        'objects/pack',
        'objects/pack/pack-1.pack',
      ]);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
