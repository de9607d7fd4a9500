import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  credentialSettings,
  credentialsProblem,
  splitCredentials,
} from '../../../../src/project/git/git-credentials.js';
import { GitServer, type GitServerOptions } from '../../../support/git-server.js';
import { GitProject } from '../../../support/project.js';
import { gitProject, openOn } from '../../../support/workspaces.js';

describe('the credentials in a URL', () => {
  it('are split from the URL, decoded, and belong to its host', () => {
    const base = 'https://h.example:8443';
    for (const [url, bare, credentials] of [
      [`https://u:p@h.example:8443/r.git`, `${base}/r.git`, { base, username: 'u', password: 'p' }],
      [`https://u%40x:p%3A%2f:@@h.example:8443`, base, { base, username: 'u@x', password: 'p:/:@' }],
      [`https://token@h.example:8443/r`, `${base}/r`, { base, username: 'token', password: null }],
      [`https://:p@h.example:8443/r`, `${base}/r`, { base, username: '', password: 'p' }],
      [`https://u:100%@h.example:8443/r`, `${base}/r`, { base, username: 'u', password: '100%' }],
      ['ssh://git@host/r@x', 'ssh://git@host/r@x', null],
      ['https://host/a@b:c', 'https://host/a@b:c', null],
      ['git@host:r', 'git@host:r', null],
      ['/srv/a@b', '/srv/a@b', null],
    ] as const) {
      expect(splitCredentials(url), url).to.deep.equal({ url: bare, credentials });
    }
  });

  it('are recovered whatever they contain, and removed from the URL', () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((one) => Buffer.from(one).toString() === one);
    fc.assert(
      fc.property(text, text, (username, password) => {
        const [user, secret] = [username, password].map(encodeURIComponent);
        const split = splitCredentials(`https://${user}:${secret}@host/r`);
        expect(split.url).to.equal('https://host/r');
        expect(split.credentials).to.deep.equal({ base: 'https://host', username, password });
      }),
    );
  });

  it('are refused when git could not use them', () => {
    expect(credentialsProblem('ssh://git@host/r')).to.equal(null);
    expect(credentialsProblem('ssh://git:secret@host/r'))
      .to.match(/only HTTP/)
      .and.not.contain('secret');
    for (const part of ['%0a', '%00', '%ff']) {
      expect(credentialsProblem(`https://u:a${part}b@host/r`), part).to.match(/one line of UTF-8/);
    }
  });

  it('appear in no git setting, since settings show in process arguments', () => {
    const { settings } = credentialSettings({ base: 'https://h', username: 'name-1', password: 'secret-1' });
    expect(JSON.stringify(settings)).not.to.match(/name-1|secret-1/);
  });
});

describe('a repository that requires a password', () => {
  const SECRET = 'S3cr%3Apass';
  let parent: string;
  let project: GitProject;
  let hosts: GitServer[];
  let listed: string[];
  beforeEach(async () => {
    parent = realpathSync(mkdtempSync(join(tmpdir(), 'git-credentials-')));
    project = await GitProject.create(join(parent, 'hosted', 'project'), { file: 'one\n' });
    hosts = [];
    listed = [];
  });
  afterEach(async () => {
    await Promise.all(hosts.map((host) => host.close()));
    rmSync(parent, { recursive: true });
  });

  const start = async (options: GitServerOptions) => {
    const host = await GitServer.start(join(parent, 'hosted'), options);
    hosts.push(host);
    return host;
  };
  const locked = () =>
    start({ credentials: 'ci:S3cr:pass', onRequest: () => listed.push(...argumentsOfAll()) });
  const urlOf = (host: GitServer, name = 'project') =>
    `${host.url.replace('http://', `http://ci:${SECRET}@`)}/${name}/.git`;
  const open = (url: string, build = 1) => openOn(join(parent, 'slave'), gitProject(url), { build });
  const addSubmodule = async (url: string) => {
    const lib = await GitProject.create(join(parent, 'hosted', 'lib'), { l: 'l\n' });
    const commit = await lib.git('rev-parse', 'HEAD');
    await project.git('config', '--file', '.gitmodules', 'submodule.lib.path', 'lib');
    await project.git('config', '--file', '.gitmodules', 'submodule.lib.url', url);
    await project.git('add', '.gitmodules');
    await project.git('update-index', '--add', '--cacheinfo', `160000,${commit},lib`);
    await project.git('commit', '--quiet', '--message', 'a library');
  };

  it('is fetched with the password of its URL, like its submodules; no file and no process list shows it', async () => {
    await addSubmodule('../../lib/.git');
    const host = await locked();
    for (const build of [1, 2]) {
      const workspace = await open(urlOf(host), build);
      expect(readFileSync(join(workspace.projectDirectory, 'lib', 'l'), 'utf8')).to.equal('l\n');
      expect(filesWith(join(parent, 'slave'), /S3cr/)).to.deep.equal([]);
      await workspace.release();
      await project.git('commit', '--quiet', '--allow-empty', '--message', 'newer');
    }
    if (existsSync('/proc/self/cmdline')) {
      expect(listed.join('\n')).to.contain(host.url);
    }
    expect(listed.filter((line) => line.includes('S3cr'))).to.deep.equal([]);
  });

  it('has its password sent to no other host, neither that of a submodule nor that of a redirect', async () => {
    const seen: (string | undefined)[] = [];
    const other = await start({
      credentials: 'nobody:knows',
      onRequest: ({ headers }) => seen.push(headers.authorization),
    });
    const first = await start({ redirectTo: other.url });
    const asking = await start({ credentials: 'ci:S3cr:pass', redirectTo: other.url });
    for (const host of [first, asking]) {
      const error = await open(urlOf(host)).catch((reason: unknown) => String(reason));
      expect(error)
        .to.match(/git said/)
        .and.not.match(/S3cr/);
    }
    await addSubmodule(`${other.url}/lib/.git`);
    const error = await open(urlOf(await locked())).catch((reason: unknown) => String(reason));
    expect(error)
      .to.match(/The submodule lib: .*git said/)
      .and.not.match(/S3cr/);
    expect(seen).to.have.length.greaterThan(2);
    expect(seen.filter((header) => header !== undefined)).to.deep.equal([]);
  });

  it("has the submodule's own password used for a submodule, and no wrong one named in errors", async () => {
    const host = await locked();
    await addSubmodule(urlOf(host, 'lib'));
    const open2 = await start({});
    const workspace = await open(`${open2.url}/project/.git`);
    expect(readFileSync(join(workspace.projectDirectory, 'lib', 'l'), 'utf8')).to.equal('l\n');
    expect(filesWith(join(workspace.projectDirectory, 'lib', '.git'), /S3cr/)).to.deep.equal([]);
    const wrong = urlOf(host).replace(SECRET, 'Wr0ng');
    const error = await open(wrong, 2).catch((reason: unknown) => String(reason));
    expect(error).to.contain(host.url).and.not.match(/Wr0ng/);
  });
});

/** The arguments of all visible processes of this machine. */
function argumentsOfAll(): string[] {
  if (!existsSync('/proc/self/cmdline')) {
    return [];
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')];
      } catch (error) {
        // It has ended meanwhile.
        if (error instanceof Error && 'code' in error) {
          return [];
        }
        throw error;
      }
    });
}

function filesWith(directory: string, pattern: RegExp): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => {
    const file = join(directory, name);
    return pattern.test(name) || (statSync(file).isFile() && pattern.test(readFileSync(file, 'latin1')));
  });
}
