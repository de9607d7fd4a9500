import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { writeFiles } from '../support/project.js';
import { eventually } from '../support/wait.js';

const LINK = /(http:\/\/127\.0\.0\.1:\d+)\/ui\/builds/;

describe('the commands about history', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start(2);
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': `
Talks:
    atomizers:
        - N: seq 3
    commands:
        - |
            if [ "$N" = 2 ] && ! [ -e "${cluster.root}/second" ]; then touch "${cluster.root}/second"; exit 1; fi
        - test "$N" != 3
    retries: 1
Sleeps:
    atomizers:
        - N: seq 1
    commands:
        - sleep 0.1
`,
    });
  });
  after(() => cluster.stop());

  const read = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await cluster.run(args).ended;
    expect({ exitCode, stderr }, stdout).to.deep.equal({ exitCode: 0, stderr: '' });
    return stdout;
  };
  const refused = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await cluster.run(args).ended;
    expect({ exitCode, stdout }, stderr).to.deep.equal({ exitCode: 2, stdout: '' });
    return stderr;
  };
  const json = async (...args: string[]) => JSON.parse(await read(...args, '--json'));
  const recorded = (jobs: number) =>
    eventually(
      'the builds are in the history',
      async () => (await cluster.client.listJobs({})).total === jobs,
    );

  it('say that there is none before the first build has ended', async () => {
    for (const command of ['history', 'flaky', 'slowest']) {
      expect(await read(command)).to.equal('No build has ended yet, so there is no history.\n');
    }
    expect(await json('history')).to.deep.equal({ jobs: [], total: 0 });
    expect(await json('flaky')).to.deep.equal({ job: null, atoms: [], total: 0 });
  });

  describe('with one job', () => {
    before(async () => {
      expect((await cluster.build(['-j', 'Talks'])).exitCode).to.equal(1);
      await recorded(1);
    });

    it('history shows the job, and its builds with their trend', async () => {
      expect(await read('history')).to.match(/^NUMBER .*\n1 +1 +0 % .* FAILURE .* Talks +\S+\n$/);
      expect(await read('history', 'Talks')).to.match(
        /^Talks of .* \(job 1\): 1 build, .*\n\n.*\n {2}F .*\n {2}█ .*\n\nBUILD .*\n1 +FAILURE +3\/3 +1 +1 .*\n$/,
      );
      expect(await read('history', '1'), 'by its number').to.equal(await read('history', 'Talks'));
      const { job, builds, total } = await json('history', 'Talks');
      expect({ job: job.name, total }).to.deep.equal({ job: 'Talks', total: 1 });
      expect(builds[0]).to.include({ build_id: 1, result: 'FAILURE', num_atoms_flaky: 1 });
    });

    it('flaky shows its atoms that passed when they ran again, without the name of the job', async () => {
      expect(await read('flaky')).to.match(/^FLAKINESS .*\n100 % +0 +1 +- .* ~ +2\n\nLAST has .*\n$/);
      const { atoms } = await json('flaky');
      expect(atoms).to.have.length(1);
      expect(atoms[0]).to.include({ name: 'N=2', flakiness: 1 });
    });

    it('slowest shows as many of its atoms as --limit says, and since when one fails', async () => {
      expect(await read('slowest', '--limit', '3')).to.match(/^0 % +1 +1 +build 1 .* F +3$/m);
      expect(await read('slowest', '--limit', '1')).to.include('2 more are not shown; --limit shows more.\n');
      expect((await json('slowest', '--limit', '2')).atoms).to.have.length(2);
    });
  });

  describe('with several jobs', () => {
    before(async () => {
      expect((await cluster.build(['-j', 'Sleeps'])).exitCode).to.equal(0);
      await recorded(2);
    });

    it('flaky and slowest ask for one of them', async () => {
      expect(await refused('flaky')).to.match(
        /^clusterrunner: There are 2 jobs; name one of them: 2 \("Sleeps" of \S+\), 1 \("Talks" of \S+\)\.\n$/,
      );
    });

    it('flaky says that a job has no flaky atoms', async () => {
      expect(await read('flaky', 'Sleeps')).to.equal('No atom of Sleeps is flaky in its newest 50 runs.\n');
    });

    it('an unknown job gets similar names', async () => {
      expect(await refused('history', 'talk')).to.equal(
        'clusterrunner: The history has no job "talk"; did you mean "Talks"?\n',
      );
    });

    it('they work without a master, at the server of past builds', async () => {
      await cluster.run(['stop']).ended;
      const viewer = cluster.run(['ui', 'master']);
      const [, url = ''] = await viewer.says(LINK);

      const { exitCode, stdout, stderr } = await cluster.run(['history', 'Talks', '-m', url]).ended;
      expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: '' });
      expect(stdout).to.match(/^1 +FAILURE /m);
      viewer.signal('SIGINT');
      await viewer.ended;
    });
  });
});
