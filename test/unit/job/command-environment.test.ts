import { expect } from 'chai';
import { commandEnvironment, repositoryVariables } from '../../../src/job/command-environment.js';
import { run } from '../../support/processes.js';

describe('the environment of commands', () => {
  it('has no variable by which git finds a repository, even if all variables are passed through', async () => {
    const { stdout } = await run('git', ['rev-parse', '--local-env-vars'], {
      cwd: '/',
      env: { PATH: process.env.PATH ?? '' },
    });
    const names = stdout.trim().split('\n');
    expect(names).to.include.members(['GIT_DIR', 'GIT_INDEX_FILE', 'GIT_WORK_TREE', 'GIT_PREFIX']);
    const hook = Object.fromEntries([...names, ...repositoryVariables].map((name) => [name, 'x']));
    const seen = commandEnvironment({ ...hook, GIT_AUTHOR_NAME: 'a', PATH: '/bin' }, ['*', 'GIT_*']);
    // Git never sets GIT_CONFIG_COUNT, so it is a setting of the user.
    expect(seen).to.deep.equal({ PATH: '/bin', GIT_AUTHOR_NAME: 'a', GIT_CONFIG_COUNT: 'x' });
  });

  it('has such a variable when it is named in full', () => {
    const seen = commandEnvironment({ GIT_DIR: '/r', GIT_INDEX_FILE: 'i' }, ['GIT_*', 'GIT_DIR']);
    expect(seen).to.deep.equal({ GIT_DIR: '/r' });
  });
});
