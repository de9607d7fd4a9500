import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster, repositoryRoot } from '../support/cluster.js';
import { writeFiles } from '../support/project.js';
import { eventually } from '../support/wait.js';

const CLEAR = '\r\u001b[K';

describe('the progress of a build', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start(2);
    const go = join(cluster.cwd, 'go');
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml':
        'Short: {atomizers: [{N: seq 4}], commands: [test "$N" != 3]}\n' +
        `Fails: {atomizers: [{N: seq 2}], commands: ['test "$N" != 1', 'until [ -e "${go}-fails" ]; do sleep 0.02; done']}\n` +
        `SetsUp: {atomizers: [{N: seq 2}], setup_build: ['until [ -e "${go}-setup" ]; do sleep 0.02; done'], commands: ['true']}\n` +
        `Waits: {atomizers: [{N: seq 4}], commands: ['until [ -e "${go}" ]; do sleep 0.02; done', test "$N" != 3]}\n`,
    });
  });
  after(() => cluster.stop());

  it('is plain lines without control characters when there is no terminal', async () => {
    const { stdout } = await cluster.build(['-j', 'Short']);
    const lines = stdout.split('\n');
    expect(lines[0]).to.equal(`Build 1 is accepted by ${cluster.master.url}`);
    expect(lines[1]).to.equal(`Watch it at ${cluster.master.url}/ui/build/1`);
    expect(lines[2]).to.match(/^Build 1: (preparing|waiting|running)/);
    expect([...stdout].filter((char) => char < ' ' && char !== '\n')).to.deep.equal([]);
  });

  it('reports a failure while the rest still runs, with its time and slave', async () => {
    const program = cluster.startBuild(['-j', 'Fails']);
    await eventually(
      'the failure is reported',
      () => /^FAILED 1 \(\d.* m?s, [^)]+\)$/m.test(program.stdout),
      () => program.stdout,
    );
    expect(program.stdout).not.to.contain('FAILURE');
    writeFiles(cluster.cwd, { 'go-fails': '' });
    expect((await program.ended).stdout.match(/^FAILED /gm)).to.have.length(1);
  });

  it('shows on which slave a setup runs, and for how long', async () => {
    const program = cluster.startBuild(['-j', 'SetsUp']);
    await eventually(
      'the setup is shown',
      () => /^Build \d+: setting up on \S+, \d+(\.\d)? s, 0\/2 done/m.test(program.stdout),
      () => program.stdout,
    );
    writeFiles(cluster.cwd, { 'go-setup': '' });
    expect(await program.ended).to.include({ exitCode: 0 });
  });

  describe('on a terminal', () => {
    let shown: string;
    before(async function () {
      if (!(await hasScript(cluster))) {
        process.stderr.write('      skipped: no terminal can be made without `script` of util-linux\n');
        this.skip();
      }
      const command = `${join(repositoryRoot, 'bin', 'clusterrunner')} build -j Waits -m ${cluster.master.url}`;
      const program = cluster.runProgram('script', ['-qec', command, '/dev/null'], {
        env: { COLUMNS: '100', TERM: 'xterm' },
      });
      // The atoms end only when the test has seen the line.
      await eventually(
        'both executors are shown as busy',
        () => drawnIn(program.stdout).filter((line) => / 2 executors busy,/.test(line)).length > 3,
        () => program.stdout,
      );
      writeFiles(cluster.cwd, { go: '' });
      const { exitCode, stdout } = await program.ended;
      expect(exitCode).to.equal(1);
      shown = stdout;
    });

    it('is one live line with finished atoms, failures and busy executors', () => {
      const drawn = drawnIn(shown);
      // A slow machine also shows a setup, and moments without a busy executor.
      const form = /^Build 4: (about [^,]+ left, )?(\w+|setting up on \S+, [\d.]+ s), \d\/4 done/;
      expect(drawn.filter((line) => !form.test(line))).to.deep.equal([]);
      expect(drawn.join('\n')).to.match(/, 0\/4 done, 0 failed, 2 executors busy, [\d.]+ s/m);
    });

    it('is overwritten in place, never a line of its own', () => {
      const drawn = drawnIn(shown);
      expect(drawn.length).to.be.greaterThan(3);
      expect(shown).not.to.match(/done,[^\n]*\d s\r?\n/);
    });

    it('is cleared at the end', () => {
      const visible = shown.split('\n').map((line) => line.split(CLEAR).at(-1) ?? '');
      expect(visible.filter((line) => /done,/.test(line))).to.deep.equal([]);
      expect(shown).to.match(/FAILURE: 1 of 4 atoms failed in [^\n]*\n$/);
    });
  });
});

/** The contents of the live line while atoms ran, in order. */
function drawnIn(shown: string): string[] {
  return shown.split('\n').flatMap((line) => line.split(CLEAR).filter((text) => /done,/.test(text)));
}

async function hasScript(cluster: Cluster): Promise<boolean> {
  const { stdout } = await cluster.runProgram('sh', ['-c', 'script --version']).ended;
  // There is another program of that name, with other arguments.
  return stdout.includes('util-linux');
}
