import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Workspace } from '../../../src/project/workspace/open-workspace.js';
import { ClusterRunnerError } from '../../../src/protocol/errors.js';
import { GitProject } from '../../support/project.js';
import { SshServer } from '../../support/ssh-server.js';
import { gitProject, openOn } from '../../support/workspaces.js';

describe('a repository over SSH', () => {
  let parent: string;
  let server: SshServer;
  let project: GitProject;
  let commit: string;
  before(async function () {
    const skipFor = (problem: string | null) => {
      if (problem !== null) {
        console.log(`      skipped: ${problem}`);
        this.skip();
      }
    };
    skipFor(SshServer.problem());
    parent = realpathSync(mkdtempSync(join(tmpdir(), 'ssh-')));
    project = await GitProject.create(join(parent, 'origin'), { file: 'one\n' });
    commit = await project.git('rev-parse', 'HEAD');
    server = await SshServer.start(join(parent, 'ssh'));
    skipFor(await server.refusal());
  });
  after(async () => {
    await server?.close();
    if (parent !== undefined) {
      rmSync(parent, { recursive: true });
    }
  });
  afterEach(() => rmSync(join(parent, 'root'), { recursive: true, force: true }));

  const open = (command: string, gitStrictHostKeyChecking: boolean, url = server.url(project.directory)) =>
    openOn(join(parent, 'root'), gitProject(url), {
      gitStrictHostKeyChecking,
      env: { PATH: process.env.PATH ?? '', HOME: parent, GIT_SSH_COMMAND: command },
    });
  const refusal = async (opening: Promise<Workspace>) => {
    const error: unknown = await opening.catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(ClusterRunnerError);
    return error instanceof Error ? error.message : '';
  };

  it('is fetched with an accepted key, from a known host', async () => {
    expect((await open(server.command('user', 'host'), true)).commit).to.equal(commit);
  });

  it('is fetched from an unknown host unless git_strict_host_key_checking is set', async () => {
    const command = server.command('user', null);
    expect(await refusal(open(command, true)))
      .to.contain('is not known to this machine')
      .and.contain('git_strict_host_key_checking')
      .and.contain('Host key verification failed');
    expect((await open(command, false)).commit).to.equal(commit);
    // By now it is.
    expect((await open(command, true)).commit).to.equal(commit);
  });

  it('is not fetched from a host whose key has changed', async () => {
    for (const strict of [true, false]) {
      const message = await refusal(open(server.command('user', 'other-host'), strict));
      expect(message).to.contain('has another key').and.contain('Host key verification failed');
    }
  });

  it('that may not be read is an error at once, with the message of SSH and without a prompt', async () => {
    const message = await refusal(open(server.command('other-user', 'host'), true));
    expect(message)
      .to.contain('may not be read from this machine')
      .and.contain('Permission denied (publickey)');
  });

  it('that does not exist is an error with the message of git', async () => {
    const url = server.url(join(parent, 'nothing'));
    const message = await refusal(open(server.command('user', 'host'), true, url));
    expect(message).to.contain('does not exist').and.contain('nothing');
  });
});
