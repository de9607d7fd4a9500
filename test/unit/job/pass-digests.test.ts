import { expect } from 'chai';
import fc from 'fast-check';
import { atomDigest, jobDigest, passScopes } from '../../../src/job/pass-digests.js';
import { type JobDefinition, JobDefinitionSchema } from '../../../src/protocol/build/job.js';
import type { Project } from '../../../src/protocol/build/project.js';

const job: JobDefinition = {
  commands: ['make test', null],
  atomizers: [{ FILE: 'ls' }],
  inputs: { files: ['src', '$FILE'], environment: ['A', 'B'], versions: ['node --version'] },
  cache: true,
};

/** Another value of each section, and whether it may change a verdict. */
const others: Required<Record<keyof JobDefinition, { readonly value: unknown; readonly counts: boolean }>> = {
  commands: { value: ['make test'], counts: true },
  setup_build: { value: ['make'], counts: true },
  worker: { value: ['exec ./worker'], counts: true },
  recycle_after: { value: 3, counts: true },
  batch: { value: { size: 5, match: 'file' }, counts: true },
  atom_timeout: { value: '10m', counts: true },
  inputs: { value: ['src', '$FILE'], counts: true },
  cache: { value: { atoms: true, key: ['a'], paths: ['b'] }, counts: true },
  atomizers: { value: [{ FILE: 'find .' }], counts: false },
  teardown_build: { value: ['make clean'], counts: false },
  max_executors: { value: 3, counts: false },
  max_executors_per_slave: { value: 3, counts: false },
  retries: { value: 2, counts: false },
  max_retries: { value: 2, counts: false },
  order: { value: 'likely_failures', counts: false },
  affects: { value: [{ paths: ['a'], atoms: ['b'] }], counts: false },
  speculative: { value: true, counts: false },
  build_timeout: { value: 60, counts: false },
};

describe('the key of a recorded pass', () => {
  for (const [section, { value, counts }] of Object.entries(others)) {
    it(`${counts ? 'changes' : 'does not change'} with ${section}`, () => {
      const changed = jobDigest({ ...job, [section]: value }) !== jobDigest(job);
      expect(changed).to.equal(counts);
    });
  }

  it('is checked here with every section of a job', () => {
    expect(Object.keys(others).sort()).to.deep.equal(Object.keys(JobDefinitionSchema.properties).sort());
  });

  it('does not depend on the order of sections and inputs, or on how `cache` is written', () => {
    const { commands, atomizers } = job;
    const same: JobDefinition = {
      cache: { atoms: true },
      inputs: { versions: ['node --version'], environment: ['B', 'A'], files: ['$FILE', 'src'] },
      atomizers,
      commands,
    };
    expect(jobDigest(same)).to.equal(jobDigest(job));
  });

  it('changes with every part of the atom, however its parts are divided', () => {
    const text = fc.string({ unit: 'binary', maxLength: 6 });
    const parts = fc.tuple(text, text, text);
    const digest = ([variable, value, inputs]: [string, string, string]) =>
      atomDigest({ variable, value }, inputs);
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        const isSame = one.every((part, at) => part === other[at]);
        expect(digest(one) === digest(other)).to.equal(isSame);
      }),
    );
  });
});

describe('the scope of recorded passes', () => {
  const git = { type: 'git', remote: 'origin', hash: null, project_directory: null } as const;
  const ofGit = (url: string, more: { branch?: string; project_directory?: string } = {}): Project => ({
    ...git,
    url,
    branch: null,
    ...more,
  });
  const snapshot = (url: string | null): Project => ({
    type: 'snapshot',
    hash: 'a'.repeat(40),
    url,
    project_directory: null,
  });
  const ownOf = (project: Project, name = 'Unit') => passScopes(project, name)?.own;

  it('is that of a job in a folder of a repository, whoever asks and whatever the branch', () => {
    const own = ownOf(ofGit('https://x.example/p.git'));
    expect(ownOf(ofGit('https://x.example/p.git', { branch: 'topic' }))).to.equal(own);
    const withPassword = (password: string) => ofGit(`https://user:${password}@x.example/p.git`);
    expect(ownOf(withPassword('one'))).to.equal(ownOf(withPassword('other')));
    expect(ownOf(ofGit('https://x.example/q.git'))).to.not.equal(own);
    expect(ownOf(ofGit('https://x.example/p.git'), 'Other')).to.not.equal(own);
    expect(ownOf(ofGit('https://x.example/p.git', { project_directory: 'sub' }))).to.not.equal(own);
  });

  it('is one of its own for each proposed change, and for snapshots, which also read that of the repository', () => {
    const url = 'https://x.example/p.git';
    const own = ownOf(ofGit(url));
    for (const project of [ofGit(url, { branch: 'refs/pull/7/head' }), snapshot(url)]) {
      const scopes = passScopes(project, 'Unit');
      expect(scopes?.own).to.not.equal(own);
      expect(scopes?.read).to.deep.equal([scopes?.own, own]);
    }
    expect(passScopes(ofGit(url), 'Unit')?.read).to.deep.equal([own]);
  });

  it('does not exist for a folder and for a snapshot without a remote', () => {
    expect(passScopes({ type: 'directory', project_directory: '/p' }, 'Unit')).to.equal(null);
    expect(passScopes(snapshot(null), 'Unit')).to.equal(null);
  });
});
