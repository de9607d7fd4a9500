import { expect } from 'chai';
import fc from 'fast-check';
import { repositoryVariables } from '../../../../src/job/command-environment.js';
import { gitEnvironment } from '../../../../src/project/git/git-environment.js';

/** In the order in which git reads them: of a key the last one counts. */
function settingsOf(env: Record<string, string>): [string, string][] {
  return Array.from({ length: Number(env.GIT_CONFIG_COUNT) }, (_, index) => [
    env[`GIT_CONFIG_KEY_${index}`] ?? '',
    env[`GIT_CONFIG_VALUE_${index}`] ?? '',
  ]);
}
const environment = (env: Record<string, string>) => gitEnvironment(env, false, []);

describe('gitEnvironment', () => {
  it("keeps the user's settings files, and removes the repository of the caller", () => {
    const files = { GIT_CONFIG_GLOBAL: '/g', GIT_CONFIG_SYSTEM: '/s', GIT_CONFIG_NOSYSTEM: '1' };
    const hook = Object.fromEntries([...repositoryVariables].map((name) => [name, '/x']));
    const made = environment({ ...files, ...hook, GIT_CONFIG_COUNT: '0' });
    expect(made)
      .to.include(files)
      .and.not.have.any.keys(...repositoryVariables);
  });

  it('adds its own settings after those of GIT_CONFIG_COUNT, so that its own win', () => {
    const text = fc.string({ minLength: 1 });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 12 }), (given) => {
        const env: Record<string, string> = { GIT_CONFIG_COUNT: String(given.length) };
        for (const [index, [key, value]] of given.entries()) {
          env[`GIT_CONFIG_KEY_${index}`] = key;
          env[`GIT_CONFIG_VALUE_${index}`] = value;
        }
        expect(settingsOf(environment(env))).to.deep.equal([...given, ...settingsOf(environment({}))]);
      }),
    );
  });

  it('leaves out settings of GIT_CONFIG_COUNT that git would refuse', () => {
    for (const count of ['2', 'x', '-1', '99999999']) {
      const env = { GIT_CONFIG_COUNT: count, GIT_CONFIG_KEY_0: 'a.b', GIT_CONFIG_VALUE_0: 'c' };
      expect(settingsOf(environment(env)), count).to.deep.equal(settingsOf(environment({})));
    }
  });
});
