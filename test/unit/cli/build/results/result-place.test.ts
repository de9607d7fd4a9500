import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { resultPlace } from '../../../../../src/cli/build/results/result-place.js';

describe('the place of results', () => {
  for (const [output, directory, shown, word] of [
    [undefined, '/home/p/build_results', './build_results/', 'build_results/junit.xml'],
    ['out', '/home/p/out', './out/', 'out/junit.xml'],
    ['./a/../out//', '/home/p/out', './out/', 'out/junit.xml'],
    ['../out', '/home/out', '../out/', '../out/junit.xml'],
    ['..', '/home', '../', '../junit.xml'],
    ['..out', '/home/p/..out', './..out/', '..out/junit.xml'],
    ['/tmp/out', '/tmp/out', '/tmp/out/', '/tmp/out/junit.xml'],
    ['/', '/', '/', '/junit.xml'],
    ["it's", "/home/p/it's", "./it's/", "'it'\\''s/junit.xml'"],
    ['-n', '/home/p/-n', '/home/p/-n/', '/home/p/-n/junit.xml'],
  ] as const) {
    it(`${output ?? 'without --output'} is ${directory}, is shown as ${shown}, and named ${word} in a shell`, () => {
      const place = resultPlace(output, '/home/p');
      expect(place).to.include({ directory, shown, isUsual: output === undefined });
      expect(place.word('junit.xml')).to.equal(word);
    });
  }

  it('is one word for a shell, which no program takes for an option', () => {
    for (const output of ['-rf', "a b'c", '$(id)', '~', 'x\ny']) {
      const place = resultPlace(output, '/home/p');
      const { stdout } = spawnSync('sh', ['-c', `cd / && printf '<%s>' ${place.word('a')}`], {
        encoding: 'utf8',
      });
      expect(stdout).to.match(/^<[^-][^>]*\/a>$/);
    }
  });

  it('is refused without a name', () => {
    expect(() => resultPlace('', '/home/p')).to.throw('--output needs the name of a folder');
  });
});
