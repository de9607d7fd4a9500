import { expect } from 'chai';
import { namesLike, optionsLike } from '../../../../src/cli/text/suggestions.js';

const known = [
  '--master-url',
  '--job-name',
  '--num-executors',
  '--url',
  '--remote-file',
  '--remote',
  '--json',
];

describe('suggested options', () => {
  for (const [given, meant] of [
    ['--master', ['--master-url']],
    ['--job', ['--job-name']],
    ['--executors', ['--num-executors']],
    ['--remotes-file', ['--remote-file']],
    ['--remote-url', ['--master-url', '--url', '--remote-file']],
    ['--verbosity', []],
    ['--x', []],
  ] as const) {
    it(`are ${meant.join(', ') || 'none'} for ${given}`, () => {
      expect(optionsLike(given, known)).to.deep.equal(meant);
    });
  }
});

describe('suggested names', () => {
  for (const [given, meant] of [
    ['unit', ['Unit', 'UnitTests']],
    ['UnitTest', ['Unit', 'UnitTests']],
    ['End2End', ['EndToEnd']],
    ['Lint', []],
    ['x'.repeat(500), []],
  ] as const) {
    it(`are ${meant.join(', ') || 'none'} for ${given.slice(0, 10)}`, () => {
      expect(namesLike(given, ['Browser', 'Unit', 'UnitTests', 'EndToEnd', 'Unit'])).to.deep.equal(meant);
    });
  }
});
