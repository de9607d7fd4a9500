import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../src/lib/clock.js';
import { sendSnapshot } from '../../../src/project/snapshot/snapshot.js';
import { openWorkspace, type Workspace } from '../../../src/project/workspace/open-workspace.js';
import type { Project } from '../../../src/protocol/build/project.js';
import { ClusterRunnerError } from '../../../src/protocol/errors.js';
import { toId } from '../../../src/protocol/ids.js';
import { GitServer } from '../../support/git-server.js';
import { MemoryRelay } from '../../support/memory-relay.js';
import { GitProject, writeFiles } from '../../support/project.js';

let parent: string;
let project: GitProject;
let env: Record<string, string>;

/** A program that leaves a mark, to be named wherever git might run one. */
const mark = () => join(parent, 'ran');
const program = () => join(parent, 'program');

function gitProject(url: string, branch: string | null = null): Project {
  return { type: 'git', url, remote: 'origin', branch, hash: null, project_directory: null };
}

function open(of: Project, build = 1): Promise<Workspace> {
  return openWorkspace({
    project: of,
    remoteFiles: [],
    buildId: toId.build(build),
    root: join(parent, 'root'),
    gitStrictHostKeyChecking: true,
    workspacesKept: 2,
    remoteFileLimits: { remoteFileMaxBytes: 1024 ** 2, remoteFilesTimeout: 60 },
    random: () => 0,
    env,
    relay: null,
    warn: () => undefined,
    signal: new AbortController().signal,
    clock: systemClock,
  });
}

async function refusal(opening: Promise<unknown>): Promise<string> {
  const error: unknown = await opening.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(ClusterRunnerError);
  return error instanceof ClusterRunnerError ? error.message : '';
}

/** Settings that make git run the program in one way or other. */
function settings(): string {
  return `
[core]
    hooksPath = ${join(parent, 'hooks')}
    fsmonitor = ${program()}
    sshCommand = ${program()}
    askPass = ${program()}
    pager = ${program()}
    editor = ${program()}
[init]
    templateDir = ${join(parent, 'template')}
[submodule]
    recurse = true
[protocol "ext"]
    allow = always
[url "ext::${program()} "]
    insteadOf = rewritten:
[user]
    name = a
    email = a@h
`;
}

const hooks = ['post-checkout', 'post-index-change', 'reference-transaction', 'pre-auto-gc', 'post-merge'];

beforeEach(async () => {
  parent = realpathSync(mkdtempSync(join(tmpdir(), 'hostile-')));
  const script = `#!/bin/sh\necho "$0 $*" >> '${mark()}'\n`;
  writeFiles(parent, {
    program: script,
    ...Object.fromEntries(
      hooks.flatMap((hook) => [
        [`hooks/${hook}`, script],
        [`template/hooks/${hook}`, script],
      ]),
    ),
    'home/.gitconfig': settings(),
  });
  env = {
    PATH: process.env.PATH ?? '',
    HOME: join(parent, 'home'),
    GIT_ASKPASS: program(),
    SSH_ASKPASS: program(),
    GIT_EXTERNAL_DIFF: program(),
    GIT_PROXY_COMMAND: program(),
    GIT_TEMPLATE_DIR: join(parent, 'template'),
  };
  project = await GitProject.create(join(parent, 'origin'), { file: 'one\n' });
});
afterEach(() => rmSync(parent, { recursive: true }));

const whatRan = () => (existsSync(mark()) ? readFileSync(mark(), 'utf8') : '');

describe('settings of the user who runs a slave', () => {
  it('run nothing in a build of a repository', async () => {
    const { projectDirectory, release } = await open(gitProject(project.url));
    expect(readdirSync(join(projectDirectory, '.git'))).to.not.include('hooks');
    await release();
    await project.commit({ file: 'two\n' });
    await (await open(gitProject(project.url), 2)).release();
    expect(whatRan()).to.equal('');
  });

  it('do not lead to a protocol that runs programs', async () => {
    // As an address of the user's would: git rewrites it after we have looked at it.
    expect(await refusal(open(gitProject('rewritten:x')))).to.contain("transport 'ext' not allowed");
    expect(whatRan()).to.equal('');
  });

  it('do not make git prompt: a repository that may not be read is an error at once', async () => {
    const message = await refusal(open(gitProject('ssh://127.0.0.1:1/nothing')));
    expect(message).to.match(/could not be fetched|cannot be reached|may not be read|is not known/);
    expect(whatRan()).to.equal('');
  });

  it('still configure filters that fetch files from elsewhere, such as LFS', async () => {
    writeFiles(parent, {
      'home/.gitconfig': '[filter "elsewhere"]\nsmudge = sed s/pointer/content/\nrequired = true\n',
    });
    await project.commit({ '.gitattributes': '*.bin filter=elsewhere\n', 'a.bin': 'pointer\n' });
    const { projectDirectory } = await open(gitProject(project.url));
    expect(readFileSync(join(projectDirectory, 'a.bin'), 'utf8')).to.equal('content\n');
  });
});

describe('a hostile repository', () => {
  /** Commits a submodule without asking git whether it may be one. */
  const withSubmodule = async (modules: string, path = 'sub') => {
    const commit = await project.git('rev-parse', 'HEAD');
    writeFiles(project.directory, { '.gitmodules': modules });
    await project.git('add', '.gitmodules');
    await project.git('update-index', '--add', '--cacheinfo', `160000,${commit},${path}`);
    await project.git('commit', '--quiet', '--message', 'a submodule');
  };

  for (const [what, url] of [
    ['runs a program', () => `ext::${program()} %S`],
    ['is an option', () => `--upload-pack=${program()}`],
    ['is relative and leads to an option', () => '../-x'],
  ] as const) {
    it(`may not have a submodule whose URL ${what}`, async () => {
      await withSubmodule(`[submodule "sub"]\n\tpath = sub\n\turl = "${url()}"\n`);
      expect(await refusal(open(gitProject(project.url)))).to.contain('submodule');
      expect(whatRan()).to.equal('');
      expect(readdirSync(join(parent, 'root', 'builds'))).to.deep.equal([]);
    });
  }

  it('may not have a submodule that says which program updates it', async () => {
    await withSubmodule(
      `[submodule "sub"]\n\tpath = sub\n\turl = ${project.url}\n\tupdate = !${program()}\n`,
    );
    await refusal(open(gitProject(project.url)));
    expect(whatRan()).to.equal('');
  });

  it('may not have a submodule whose name leads out of the repository', async () => {
    await withSubmodule(`[submodule "../../outside"]\n\tpath = sub\n\turl = ${project.url}\n`);
    const before = readdirSync(join(parent)).sort();
    await open(gitProject(project.url)).then(
      ({ release }) => release(),
      (error: unknown) => expect(error).to.be.instanceOf(ClusterRunnerError),
    );
    expect(readdirSync(parent).sort()).to.deep.equal([...before, 'root'].sort());
    expect(readdirSync(join(parent, 'root')).sort()).to.deep.equal(['builds', 'mirrors']);
  });

  it('of another machine may not have submodules from this one', async () => {
    await withSubmodule(`[submodule "sub"]\n\tpath = sub\n\turl = ${project.url}\n`);
    // So the slave has a mirror of it.
    const { projectDirectory } = await open(gitProject(project.url), 2);
    expect(existsSync(join(projectDirectory, 'sub', 'file'))).to.equal(true);
    const host = await GitServer.start(parent);
    try {
      const message = await refusal(open(gitProject(`${host.url}/origin/.git`)));
      expect(message).to.contain("transport 'file' not allowed");
    } finally {
      await host.close();
    }
  });

  for (const name of ['.git', '..']) {
    it(`may not write to ${name}`, async () => {
      const blob = await project.git('hash-object', '-w', 'file');
      const tree = (listing: string) =>
        execFileSync('git', ['mktree'], { cwd: project.directory, input: listing, encoding: 'utf8' }).trim();
      const inner = tree(`100755 blob ${blob}\tevil\n`);
      const outer = tree(`040000 tree ${inner}\t${name}\n`);
      const commit = await project.git('commit-tree', outer, '-m', 'evil');
      await project.git('update-ref', 'refs/heads/evil', commit);
      expect(await refusal(open(gitProject(project.url, 'evil')))).to.match(/invalid path|checked out/);
      expect(existsSync(join(parent, 'root', 'builds', 'evil'))).to.equal(false);
    });
  }

  it('whose .gitattributes, or other git file, is a link to an endless device, is opened or refused', async () => {
    for (const [index, name] of ['.gitattributes', '.gitignore', '.lfsconfig', '.mailmap'].entries()) {
      symlinkSync('/dev/zero', join(project.directory, name));
      await project.commit({ more: 'x\n' });
      const opened: unknown = await open(gitProject(project.url), index + 1).catch((error: unknown) => error);
      if (opened instanceof Error) {
        expect(opened, name).to.have.property('code', 'PREPARATION_FAILED');
      } else {
        expect(readdirSync(join(parent, 'root', 'builds', `${index + 1}`)), name).to.include('more');
      }
      rmSync(join(project.directory, name));
    }
  }).timeout(60_000);
});

describe('a hostile folder', () => {
  const hostile = async () => {
    writeFiles(project.directory, { '.git/hooks/post-index-change': `#!/bin/sh\n${program()}\n` });
    for (const [key, value] of [
      ['core.fsmonitor', program()],
      ['core.hooksPath', join(parent, 'hooks')],
      ['core.sshCommand', program()],
    ] as const) {
      await project.git('config', key, value);
    }
  };

  it('runs nothing in a build of a directory before its own commands do', async () => {
    await hostile();
    await open({ type: 'directory', project_directory: project.directory });
    expect(whatRan()).to.equal('');
  });

  it('runs nothing when a snapshot is made of it', async () => {
    await hostile();
    writeFiles(project.directory, { file: 'changed\n' });
    mkdirSync(join(parent, 'tmp'));
    const { project: snapshot } = await sendSnapshot({
      directory: project.directory,
      excluded: [],
      env,
      relay: new MemoryRelay(join(parent, 'relay')),
      signal: new AbortController().signal,
      clock: systemClock,
    });
    expect(snapshot.hash).to.match(/^[0-9a-f]{40}$/);
    expect(whatRan()).to.equal('');
  });
});

describe('a snapshot with files of LFS', () => {
  it('contains changed files completely, since nobody could fetch them', async () => {
    // An installed LFS runs its own filter, which creates another pointer.
    writeFiles(parent, { 'home/.gitconfig': '[filter "lfs"]\nclean = "echo pointer # %f"\n' });
    await project.commit({ '.gitattributes': '*.bin filter=lfs\n', 'old.bin': 'pointer\n' });
    writeFiles(project.directory, { 'new.bin': 'new\n' });
    const relay = new MemoryRelay(join(parent, 'relay'));
    const { project: snapshot } = await sendSnapshot({
      directory: project.directory,
      excluded: [],
      env,
      relay,
      signal: new AbortController().signal,
      clock: systemClock,
    });
    const { projectDirectory } = await openWorkspace({
      project: snapshot,
      remoteFiles: [],
      buildId: toId.build(1),
      root: join(parent, 'root'),
      gitStrictHostKeyChecking: true,
      workspacesKept: 2,
      remoteFileLimits: { remoteFileMaxBytes: 1024 ** 2, remoteFilesTimeout: 60 },
      random: () => 0,
      env,
      relay,
      warn: () => undefined,
      signal: new AbortController().signal,
      clock: systemClock,
    });
    expect(readFileSync(join(projectDirectory, 'new.bin'), 'utf8')).to.equal('new\n');
    expect(readFileSync(join(projectDirectory, 'old.bin'), 'utf8')).to.equal('pointer\n');
  });
});
