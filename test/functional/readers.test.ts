import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import type { Program } from '../support/processes.js';
import { writeFiles } from '../support/project.js';
import { eventually } from '../support/wait.js';

describe('a command that reads', () => {
  let cluster: Cluster;
  let build: Program;
  before(async () => {
    cluster = await Cluster.start(1);
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': `
Talks:
    atomizers:
        - N: seq 2
    commands:
        - echo "begin $N"
        - until [ -e "${cluster.root}/go" ]; do sleep 0.02; done
        - echo "end $N"
        - test "$N" != 2
Hangs:
    atomizers:
        - N: seq 1
    commands:
        - touch "${cluster.root}/hangs"
        - sleep 1000
`,
    });
  });
  after(() => cluster.stop());

  // Without a URL, as on the command line: the master of this machine is found.
  const read = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await cluster.run(args).ended;
    expect({ exitCode, stderr }, stdout).to.deep.equal({ exitCode: 0, stderr: '' });
    return stdout;
  };
  const json = async (...args: string[]): Promise<unknown> => JSON.parse(await read(...args, '--json'));

  describe('before the first build', () => {
    it('list says that there are no builds', async () => {
      expect(await read('list')).to.equal('The master has no builds yet.\n');
    });

    it('status shows the slaves', async () => {
      expect(await read('status')).to.match(/slave-1 .* 0\/1 [\s\S]*No build is unfinished\.\n$/);
    });
  });

  describe('while a build runs', () => {
    let atom: string;
    before(async () => {
      build = cluster.startBuild(['-j', 'Talks']);
      const client = cluster.client;
      atom = await eventually('an atom runs', async () => {
        const [first] = (await client.listBuilds({ offset: 0, limit: 1 })).builds;
        const atoms =
          first === undefined ? [] : (await client.listAtoms(first.id, { offset: 0, limit: 9 })).atoms;
        return atoms.find(({ state }) => state === 'IN_PROGRESS')?.id.toString();
      });
    });

    it('list shows the build', async () => {
      expect(await read('list')).to.match(/^BUILD .*\n1 +BUILDING +- +0\/2 +0 .* Talks .*\n$/);
      expect(await json('list')).to.have.nested.property('builds[0].state', 'BUILDING');
    });

    it('status shows the slaves and the build', async () => {
      expect(await read('status')).to.match(/slave-1 .* 1\/1 +1\n[\s\S]*^Build 1 is BUILDING/m);
      expect(await json('status')).to.have.nested.property('slaves[0].num_executors', 1);
    });

    it('status of the build shows which atoms run where', async () => {
      expect(await read('status', '1')).to.match(/slave-1 +subjob \d .*atom \d: \d/);
      expect(await json('status', '1'))
        .to.have.nested.property('explanation.running[0]')
        .that.is.an('object');
    });

    it('console shows the output of an atom so far', async () => {
      const text = await eventually('it is there', async () => {
        const shown = await read('console', '1', atom);
        return shown !== '' && shown;
      });
      expect(text).to.match(/^begin \d\n$/);
    });

    it('console --follow continues to the end of the atom', async () => {
      const follower = cluster.run(['console', '1', atom, '--follow']);
      await follower.says(/^begin \d\n/);
      expect(follower.hasEnded).to.equal(false);
      writeFiles(cluster.root, { go: '' });
      const { exitCode, stdout, stderr } = await follower.ended;
      expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: '' });
      expect(stdout).to.match(/^begin (\d)\nend \1\n$/);
    });
  });

  describe('when the build has ended', () => {
    before(async () => {
      expect(await build.ended).to.include({ exitCode: 1 });
    });

    it('list shows the result of the build', async () => {
      expect(await read('list')).to.match(/\n1 +FINISHED +FAILURE +2\/2 +1 /);
    });

    it('status shows the result of the build', async () => {
      expect(await read('status', '1')).to.match(
        /^Build 1 ended with FAILURE \(FINISHED\): 2 of 2 subjobs are complete.* 1 atom failed\./,
      );
    });

    it('console shows the output of the failed atoms', async () => {
      expect(await read('console', '1')).to.equal('--- atom 1: 2\nbegin 2\nend 2\n');
      expect(await json('console', '1')).to.have.nested.property('consoles[0].content', 'begin 2\nend 2\n');
    });

    it('console shows the output of any atom', async () => {
      expect(await read('console', '1', '0')).to.equal('begin 1\nend 1\n');
      expect(await json('console', '1', '0')).to.include({ content: 'begin 1\nend 1\n', total_num_lines: 2 });
    });

    it('results fetches the results of the build', async () => {
      await read('results', '1', '--output', 'elsewhere');
      expect(readdirSync(`${cluster.cwd}/elsewhere`).sort()).to.deep.equal(
        readdirSync(`${cluster.cwd}/build_results`).sort(),
      );
      expect(await json('results', '1', '--output', 'again')).to.deep.equal({
        build_id: 1,
        directory: `${cluster.cwd}/again`,
      });
    });

    it('cancel says that it is too late', async () => {
      expect(await read('cancel', '1')).to.equal('Build 1 had ended already: FAILURE.\n');
    });
  });

  describe('cancel', () => {
    it('ends a running build, and its client with exit code 2', async () => {
      const hanging = cluster.startBuild(['-j', 'Hangs']);
      await eventually('it runs', () => readdirSync(cluster.root).includes('hangs'));
      expect(await json('cancel', '2')).to.have.nested.property('build.state', 'CANCELED');
      const { exitCode, stderr } = await hanging.ended;
      expect(exitCode).to.equal(2);
      expect(stderr).to.match(/^clusterrunner: [^\n]*cancel[^\n]*\n$/);
    });
  });

  describe('with a wrong number', () => {
    for (const args of [
      ['status', '99'],
      ['console', '99'],
      ['console', '1', '99'],
      ['cancel', '99'],
      ['results', '99'],
    ]) {
      it(`${args.join(' ')} prints one sentence and exits with 2 for something that does not exist`, async () => {
        const { exitCode, stdout, stderr } = await cluster.run(args).ended;
        expect({ exitCode, stdout }).to.deep.equal({ exitCode: 2, stdout: '' });
        expect(stderr).to.match(/^clusterrunner: [^\n]*99[^\n]*\n$/);
      });
    }

    it('prints one sentence and exits with 2 for something that is not a number', async () => {
      const { exitCode, stderr } = await cluster.run(['status', 'first']).ended;
      expect(exitCode).to.equal(2);
      expect(stderr).to.match(/^clusterrunner: "first" is not the number of a build[^\n]*\n$/);
    });
  });

  describe('stop', () => {
    it('ends the slave, then the master, and says so', async () => {
      const text = await read('stop');
      expect(text).to.match(
        /^Stopped the slave with process number \d+\.\nStopped the master with process number \d+\.\n$/,
      );
      expect(cluster.processes().filter((line) => line.includes('bin/clusterrunner'))).to.deep.equal([]);
    });
  });
});
