import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { type Ended, run } from '../support/processes.js';
import { GitProject } from '../support/project.js';

const JOBS = `
Passing:
    atomizers:
        - NAME: printf 'one\\ntwo\\n'
    commands:
        - echo "to stdout $NAME"
        - echo "to stderr $NAME" >&2
        - mkdir "$ARTIFACT_DIR/reports"
        - echo "report of $NAME" > "$ARTIFACT_DIR/reports/report.txt"
Failing:
    atomizers:
        - NAME: seq 1 4
    commands:
        - cd "$PROJECT_DIR"
        - echo "looking at $NAME"
        - test "$NAME" != "$(cat breaks.txt)" || exit 7
        - test "$NAME" != 3 || { echo "three is refused"; exit 1; }
`;

describe('a job on a master and a slave', () => {
  let cluster: Cluster;
  let project: GitProject;
  before(async () => {
    cluster = await Cluster.start(2);
    project = await GitProject.create(join(cluster.root, 'project'), {
      'clusterrunner.yaml': JOBS,
      'breaks.txt': '2\n',
    });
  });
  after(() => cluster.stop());

  describe('whose atoms all pass', () => {
    let ended: Ended;
    before(async () => {
      ended = await cluster.build(['--url', project.url, '--job-name', 'Passing']);
    });

    it('ends with exit code 0 and a last line that says so', () => {
      expect(ended).to.include({ exitCode: 0, stderr: '' });
      expect(ended.stdout).to.match(
        /^SUCCESS: 2 atoms passed in [\d.]+ s\. Results: \.\/build_results\/ \(report\.html\)\n$/m,
      );
    });

    it('leaves exactly one folder for each atom, and no failures.txt', () => {
      const files = (folder: string) => [
        `${folder}/clusterrunner_command`,
        `${folder}/clusterrunner_console_output`,
        `${folder}/clusterrunner_exit_code`,
        `${folder}/clusterrunner_time`,
        `${folder}/reports/report.txt`,
      ];
      const folders = [cluster.folder(0), cluster.folder(1)].sort();
      expect(folders.join(' ')).to.match(/^artifact_\d_\d artifact_\d_\d$/);
      expect(cluster.results()).to.deep.equal([...folders.flatMap(files), 'junit.xml', 'report.html']);
    });

    it('keeps stdout and stderr of an atom in one console', () => {
      expect(cluster.result(0, 'clusterrunner_console_output')).to.equal('to stdout one\nto stderr one\n');
    });

    it('writes exit code and seconds as one line each', () => {
      expect(cluster.result(1, 'clusterrunner_exit_code')).to.equal('0\n');
      expect(cluster.result(1, 'clusterrunner_time')).to.match(/^\d+\.\d\d\n$/);
    });

    it('delivers what the commands wrote to $ARTIFACT_DIR', () => {
      expect(cluster.result(1, 'reports', 'report.txt')).to.equal('report of two\n');
    });
  });

  describe('with failing atoms', () => {
    let ended: Ended;
    before(async () => {
      ended = await cluster.build(['--url', project.url, '--job-name', 'Failing']);
    });

    const rerun = (atom: number, directory: string) =>
      run('bash', [`build_results/${cluster.folder(atom)}/clusterrunner_command`], {
        cwd: cluster.cwd,
        env: {
          PATH: process.env.PATH ?? '',
          PROJECT_DIR: directory,
          ARTIFACT_DIR: join(cluster.root, 'rerun'),
        },
      });

    it('ends with exit code 1 and a last line that counts them', () => {
      expect(ended).to.include({ exitCode: 1, stderr: '' });
      expect(ended.stdout).to.match(/^FAILURE: 2 of 4 atoms failed in [\d.]+ s\./m);
    });

    it('names each failed atom with the end of its console and the command that reruns it', () => {
      for (const { atom, name, more, code } of [
        { atom: 1, name: 2, more: '', code: 7 },
        { atom: 2, name: 3, more: '    three is refused\n', code: 1 },
      ]) {
        expect(ended.stdout.replaceAll(/ \(\d.* m?s, [^)]+\)$/gm, '')).to.contain(
          `--- FAILED: ${name}\n    looking at ${name}\n${more}    exit code ${code}\n` +
            `    rerun it by hand, in a checkout: PROJECT_DIR="$PWD" bash build_results/${cluster.folder(atom)}/clusterrunner_command\n`,
        );
      }
    });

    it('does not mention atoms that passed', () => {
      expect(ended.stdout).not.to.match(/NAME=[14]/);
    });

    it('lists the folders of the failed atoms in failures.txt, one a line', () => {
      const text = readFileSync(join(cluster.cwd, 'build_results', 'failures.txt'), 'utf8');
      expect(text).to.match(/^artifact_\d+_\d+\nartifact_\d+_\d+\n$/);
      expect(new Set(text.trim().split('\n'))).to.deep.equal(new Set([cluster.folder(1), cluster.folder(2)]));
    });

    it('keeps the exit code of the command that failed', () => {
      expect(cluster.result(1, 'clusterrunner_exit_code')).to.equal('7\n');
      expect(cluster.result(2, 'clusterrunner_exit_code')).to.equal('1\n');
    });

    it('leaves scripts that rerun an atom by hand in a checkout, with the same output and exit code', async () => {
      const { exitCode, stdout } = await rerun(1, project.directory);
      expect({ exitCode, stdout }).to.deep.equal({ exitCode: 7, stdout: 'looking at 2\n' });
    });

    it('leaves scripts that pass by hand once the checkout is fixed', async () => {
      await project.commit({ 'breaks.txt': 'nothing\n' });
      expect(await rerun(1, project.directory)).to.include({ exitCode: 0 });
    });
  });

  it('replaces the results of the build before', async () => {
    await cluster.build(['--url', project.url, '--job-name', 'Failing']);
    await cluster.build(['--url', project.url, '--job-name', 'Passing']);
    expect(cluster.results().filter((file) => !/^artifact_\d_[01]\//.test(file))).to.deep.equal([
      'junit.xml',
      'report.html',
    ]);
  });
});
