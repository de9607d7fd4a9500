import { Ajv } from 'ajv';
import { expect } from 'chai';
import fc from 'fast-check';
import { BuildRequestSchema } from '../../../../src/protocol/build/build.js';

const check = new Ajv().compile(BuildRequestSchema);
const git = { type: 'git', url: 'https://example.com/p.git', job_name: 'Simple' };

describe('a build request', () => {
  it('may have every field that the API document lists', () => {
    const whole = {
      ...git,
      remote: 'origin',
      branch: 'main',
      hash: 'abc',
      remote_files: { 'https://example.com/a': 'a.txt' },
    };
    expect(check(whole)).to.equal(true);
  });

  it('may have its own job and atoms', () => {
    const config = { commands: ['run', null], atomizers: [{ TOKEN: 'seq 1 10' }], max_executors: 3 };
    expect(check({ type: 'directory', project_directory: '/p', config, atoms_override: ['a', ''] })).to.equal(
      true,
    );
  });

  it('may not have unknown, empty or wrongly typed fields', () => {
    const wrong = [
      { ...git, verbose: true },
      { ...git, type: 'svn' },
      { ...git, url: '' },
      { ...git, branch: null },
      { ...git, atoms_override: 'a' },
      { ...git, config: { commands: [], atomizers: [{ A: 'x' }] } },
      { ...git, config: { commands: ['x'], atomizers: [{ 'not a name': 'x' }] } },
      { job_name: 'Simple' },
      [],
      null,
    ];
    for (const request of wrong) {
      expect(check(request), JSON.stringify(request)).to.equal(false);
    }
  });

  it('maps strings to strings in remote_files, whatever characters a key has', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.jsonValue(), (key, value) => {
        fc.pre(key !== '__proto__');
        if (check({ ...git, remote_files: { [key]: value } })) {
          expect(value).to.be.a('string');
        }
      }),
    );
    expect(check({ ...git, remote_files: { 'a\nb': 5 } })).to.equal(false);
  });
});
