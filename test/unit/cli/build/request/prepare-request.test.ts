import { expect } from 'chai';
import {
  prepareRequest,
  type RequestOptions,
  requireNothingElse,
} from '../../../../../src/cli/build/request/prepare-request.js';
import { ClusterRunnerError } from '../../../../../src/protocol/errors.js';

const git: RequestOptions = { remoteFile: [], url: 'https://git.example/repo.git', jobName: 'Job' };

describe('the request of a command line', () => {
  it('has the priority, order and speculation of the options', async () => {
    const options = { ...git, priority: '-2', order: 'likely_failures', speculative: false };
    const said = await prepareRequest('git', options, '/');
    expect(said).to.deep.include({
      from: 'remote',
      request: {
        type: 'git',
        job_name: 'Job',
        url: git.url,
        priority: -2,
        order: 'likely_failures',
        speculative: false,
      },
    });
    const unsaid = await prepareRequest('git', git, '/');
    expect(unsaid)
      .to.have.property('request')
      .that.does.not.have.any.keys('priority', 'order', 'speculative');
  });

  for (const priority of ['6', '-6', '1.5', '', 'high', '0x1', '1e0']) {
    it(`is refused with a priority of "${priority}"`, async () => {
      const failure = await prepareRequest('git', { ...git, priority }, '/').catch((error: unknown) => error);
      expect(failure)
        .to.be.instanceOf(ClusterRunnerError)
        .with.property('message')
        .that.contains(`--priority must be a whole number from -5 to 5, not "${priority}"`);
    });
  }

  it('is refused with an order that there is not', async () => {
    const failure = await prepareRequest('git', { ...git, order: 'first' }, '/').catch(
      (error: unknown) => error,
    );
    expect(failure)
      .to.be.instanceOf(ClusterRunnerError)
      .with.property('message', '--order must be longest or likely_failures, not "first".');
  });

  it('has no other options with --rerun-failed', () => {
    const none: RequestOptions = { remoteFile: [] };
    expect(() => requireNothingElse(undefined, none)).not.to.throw();
    for (const more of [
      { priority: '1' },
      { order: 'longest' },
      { speculative: true },
      { branch: 'main' },
      { remoteFile: ['a b'] },
    ]) {
      expect(() => requireNothingElse(undefined, { ...none, ...more })).to.throw('leave out what names them');
    }
  });

  it('leaves the job of a git build to the repository when none is named', async () => {
    const said = await prepareRequest('git', { remoteFile: [], url: 'https://git.example/repo.git' }, '/');
    expect(said).to.have.nested.property('request.job_name', null);
  });

  it('has a job and atoms that are given as JSON', async () => {
    const definition = { commands: ['true'], atomizers: [{ A: 'seq 2' }] };
    for (const config of [definition, { Job: definition }]) {
      const said = await prepareRequest(
        'git',
        { ...git, config: JSON.stringify(config), atomsOverride: '["1", {"B": "2"}]' },
        '/',
      );
      expect(said).to.have.nested.property('request.config').that.deep.equals(definition);
      expect(said)
        .to.have.nested.property('request.atoms_override')
        .that.deep.equals(['1', { B: '2' }]);
    }
  });

  for (const [option, text, problem] of [
    ['config', '{', '--config is not JSON'],
    ['config', '{"commands": "true"}', '--config must be the JSON of a job'],
    ['atomsOverride', '{"A": "1"}', '--atoms-override must be a JSON list'],
    ['atomsOverride', '[1]', '--atoms-override must be a JSON list'],
  ] as const) {
    it(`is refused with ${option} ${text}`, async () => {
      const failure = await prepareRequest('git', { ...git, [option]: text }, '/').catch(
        (error: unknown) => error,
      );
      expect(failure).to.be.instanceOf(ClusterRunnerError).with.property('message').that.contains(problem);
    });
  }
});
