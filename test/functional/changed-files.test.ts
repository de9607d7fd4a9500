import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { readCommandString } from '../../src/job/command-string.js';
import { toId } from '../../src/protocol/ids.js';
import { Cluster } from '../support/cluster.js';
import { GitProject, writeFiles } from '../support/project.js';

const jobs = `
Tests:
    atomizers:
        - TEST: ls "$PROJECT_DIR"/test/*
    commands:
        - test -z "\${CHANGED_FILES:-}"
        - cat "$TEST"
    affects:
        - paths: [src/a/**]
          atoms: [test/a*]
        - paths: ['*.md', '../docs/**']
          atoms: []
Failing:
    atomizers:
        - TEST: ls "$PROJECT_DIR"/test/*
    commands:
        - 'false'
Listed:
    atomizers:
        - LINE: if [ -n "\${CHANGED_FILES:-}" ]; then cat "$CHANGED_FILES"; else echo all; fi
    commands:
        - echo "$LINE"
`;

describe('the files that have changed since a commit', () => {
  let cluster: Cluster;
  let project: GitProject;
  let first: string;
  before(async () => {
    cluster = await Cluster.start(1, 2);
  });
  after(() => cluster.stop());
  beforeEach(async () => {
    rmSync(cluster.cwd, { recursive: true, force: true });
    mkdirSync(cluster.cwd);
    project = await GitProject.create(cluster.cwd, {
      'app/clusterrunner.yaml': jobs,
      'app/src/a/x.js': '1',
      'app/src/b.js': '1',
      'app/test/a1': '',
      'app/test/a2': '',
      'app/test/b1': '',
      'docs/page': '1',
      '.gitignore': 'build_results\n',
    });
    first = await project.git('rev-parse', 'HEAD');
  });

  const app = () => join(cluster.cwd, 'app');
  const build = async (...args: readonly string[]) => {
    const { exitCode, stdout, stderr } = await cluster.build(args, { cwd: app() });
    expect(exitCode, stdout + stderr).to.be.oneOf([0, 1]);
    const id = Number(/Build (\d+) is accepted/.exec(stdout)?.[1]);
    const seen = await cluster.client.getBuild(toId.build(id));
    const { atoms } = await cluster.client.listAtoms(toId.build(id), {});
    const names = atoms.map(({ command_string: command }) =>
      readCommandString(command)?.value.replace('$PROJECT_DIR/', ''),
    );
    return { stdout, build: seen, names };
  };

  for (const type of ['snapshot', 'directory'] as const) {
    it(`are given to the atomizers of a ${type} build, with what is not committed`, async () => {
      await project.commit({ 'app/src/a/x.js': '2' });
      writeFiles(cluster.cwd, { 'app/new file': '', 'docs/page': '2' });
      const { names } = await build(type, '-j', 'Listed', '--since', first);
      expect(names).to.deep.equal(['../docs/page', 'new file', 'src/a/x.js']);
    });
  }

  it('are given to the atomizers of a git build, whose slave finds them', async () => {
    await project.git('checkout', '--quiet', '-b', 'topic');
    await project.commit({ 'app/src/b.js': '2', 'docs/page': '2' });
    await project.git('rm', '--quiet', 'app/test/b1');
    await project.commit({});
    await project.git('checkout', '--quiet', 'main');
    await project.commit({ 'app/src/a/x.js': 'only on the main branch' });
    const git = ['--url', project.url, '--branch', 'topic', '--project-directory', 'app', '-j', 'Listed'];
    for (const since of ['main', 'origin/main', first, first.slice(0, 10)]) {
      const { names } = await build(...git, '--since', since);
      expect(names, since).to.deep.equal(['../docs/page', 'src/b.js', 'test/b1']);
    }
    expect((await build(...git)).names).to.deep.equal(['all']);
  });

  it('choose the atoms of a build with --affected', async () => {
    await project.commit({ 'app/src/a/x.js': '2', 'docs/page': '2', 'app/README.md': '' });
    const {
      stdout,
      build: seen,
      names,
    } = await build('snapshot', '-j', 'Tests', '--since', first, '--affected');
    expect(names).to.deep.equal(['test/a1', 'test/a2']);
    expect(seen.affected).to.deep.equal({ num_atoms: 2, num_unaffected: 1, uncovered: null });
    expect(stdout).to.contain('runs 2 of 3 atoms, those that the changed files affect');
  });

  it('choose an atom that is a changed file itself, and none where nothing is affected', async () => {
    writeFiles(cluster.cwd, { 'app/test/b1': 'changed' });
    expect((await build('snapshot', '-j', 'Tests', '--since', first, '--affected')).names).to.deep.equal([
      'test/b1',
    ]);
    writeFiles(cluster.cwd, { 'app/test/b1': '', 'docs/page': '2' });
    const none = await build('snapshot', '-j', 'Tests', '--since', first, '--affected');
    expect(none.build).to.include({ status: 'SUCCESS', num_atoms: 0 });
    expect(none.build.affected).to.include({ num_unaffected: 3 });
    expect(none.stdout).to.contain(
      'The changed files affect none of the 3 atoms of the job, so nothing was tested.',
    );
  });

  it('choose all atoms when one of them is covered by no rule', async () => {
    writeFiles(cluster.cwd, { 'app/src/b.js': '2', 'app/src/a/x.js': '2' });
    const {
      stdout,
      build: seen,
      names,
    } = await build('snapshot', '-j', 'Tests', '--since', first, '--affected');
    expect(names).to.have.length(3);
    expect(seen.affected).to.deep.equal({ num_atoms: 3, num_unaffected: 0, uncovered: 'src/b.js' });
    expect(stdout).to.contain('runs all 3 atoms: no rule of `affects` covers the changed file src/b.js');
  });

  it('choose no atoms of a rerun, which has those of the earlier build', async () => {
    await project.commit({ 'app/test/a1': 'x' });
    const { build: earlier } = await build('snapshot', '-j', 'Failing', '--since', first, '--affected');
    expect(earlier.num_atoms_failed).to.equal(1);
    const { build: again, names } = await build('--rerun-failed', String(earlier.id));
    expect(names).to.deep.equal(['test/a1']);
    expect(again.affected).to.equal(null);
  });

  it('are refused where they cannot be found, with a reason', async () => {
    const refused = async (code: number, ...args: readonly string[]) => {
      const { exitCode, stdout, stderr } = await cluster.build(args, { cwd: app() });
      expect(exitCode, stdout + stderr).to.equal(code);
      return stdout + stderr;
    };
    const local = ['snapshot', '-j', 'Listed'];
    expect(await refused(2, ...local, '--since', 'no-such-branch')).to.contain(
      '"no-such-branch" is no branch, tag or commit of this checkout',
    );
    expect(await refused(2, ...local, '--since', '--output=x')).to.contain('is no branch, tag or commit');
    expect(await refused(2, ...local, '--affected')).to.contain('--affected needs the commit');
    const git = ['--url', project.url, '--project-directory', 'app', '-j', 'Listed'];
    expect(await refused(2, ...git, '--since', 'gone')).to.contain(
      'The repository has no branch, tag or commit "gone"',
    );
    expect(await refused(2, ...git, '--since', '-x')).to.contain('has no branch, tag or commit "-x"');
    writeFiles(cluster.cwd, { 'app/two\nlines': '' });
    expect(await refused(2, ...local, '--since', first)).to.contain('has a line end or is not UTF-8');
  });
});
