import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster, repositoryRoot } from '../support/cluster.js';
import { isInstalled } from '../support/is-installed.js';
import { run } from '../support/processes.js';
import { writeFiles } from '../support/project.js';
import { atom, scriptedWorker, steps } from '../support/scripted-worker.js';
import { eventually } from '../support/wait.js';

const page = readFileSync(join(repositoryRoot, 'docs', 'workers.md'), 'utf8');
const examples = [
  { folder: 'worker-bash', language: 'sh', worker: 'worker.sh', program: 'bash', atoms: 2 },
  { folder: 'worker-python', language: 'python', worker: 'worker.py', program: 'python3', atoms: 2 },
] as const;

describe('docs/workers.md', () => {
  const blockOf = (language: string) =>
    new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(page)?.[1] ?? '';

  for (const { folder, language, worker } of examples) {
    it(`shows the worker of examples/${folder}, in at most 50 lines`, () => {
      const text = readFileSync(join(repositoryRoot, 'examples', folder, worker), 'utf8');
      expect(blockOf(language)).to.equal(text);
      expect(text.split('\n').length).to.be.at.most(50);
    });
  }
});

/** `values` are lists of steps, see the scripted worker. */
function job(values: readonly string[], more = ''): string {
  const list = values.map((value) => JSON.stringify(`printf '%s\\n' '${value}'`)).join('\n    - STEPS: ');
  return `Steps:
  worker:
    - ${JSON.stringify(scriptedWorker)}
  commands:
    - echo "by hand $STEPS"
  atomizers:
    - STEPS: ${list}
${more}`;
}

describe('a job with a worker', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.start();
  });
  afterEach(() => cluster.stop());

  for (const { folder, program, atoms } of examples) {
    it(`runs the tests of examples/${folder}`, async function () {
      if (!isInstalled(program)) {
        process.stderr.write(`      install ${program} to run examples/${folder}\n`);
        this.skip();
      }
      await cluster.startSlave(1);
      const cwd = join(cluster.cwd, folder);
      cpSync(join(repositoryRoot, 'examples', folder), cwd, { recursive: true });
      const { exitCode, stdout, stderr } = await cluster.build(['directory'], { cwd });
      expect(exitCode, stdout + stderr).to.equal(0);
      expect(stdout).to.contain(`SUCCESS: ${atoms} atoms passed`);
    });
  }

  it('has the verdicts, consoles, artifacts and variables of one without', async () => {
    await cluster.startSlave(1);
    const text = 'echo $ATOM_ID in $PWD; echo report > $ARTIFACT_DIR/report; exit $((ATOM_ID * 3))';
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': job([atom(text), atom(text)].map((value) => value.replaceAll("'", ''))),
    });
    const { exitCode, stdout } = await cluster.build(['directory']);
    expect(exitCode, stdout).to.equal(1);
    for (const number of [0, 1]) {
      expect(cluster.result(number, 'clusterrunner_console_output')).to.equal(
        `${number} in ${cluster.cwd}\n`,
      );
      expect(cluster.result(number, 'clusterrunner_exit_code')).to.equal(`${number * 3}\n`);
      expect(cluster.result(number, 'report')).to.equal('report\n');
    }
  });

  it('runs its commands when an atom is rerun by hand', async () => {
    await cluster.startSlave(1);
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': job([atom('exit 1')]) });
    await cluster.build(['directory']);
    const env = { PATH: process.env.PATH ?? '' };
    const { exitCode, stdout } = await run(
      'bash',
      [join('build_results', cluster.folder(0), 'clusterrunner_command')],
      { cwd: cluster.cwd, env },
    );
    expect({ exitCode, stdout }).to.deep.equal({ exitCode: 0, stdout: `by hand ${atom('exit 1')}\n` });
  });

  it('says what a worker has printed that cannot start, without secrets', async () => {
    const secretValue = 'the value of a token';
    await cluster.startSlave(1, {
      env: {
        API_TOKEN: secretValue,
        CLUSTERRUNNER_REDACT: 'API_TOKEN',
        CLUSTERRUNNER_ENV_PASSTHROUGH: 'API_TOKEN',
      },
    });
    const yaml = `Broken:
  worker:
    - echo "no module named shop, $API_TOKEN" >&2; exit 4
  commands: ["true"]
  atomizers:
    - N: seq 3
`;
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': yaml });
    const { exitCode, stdout } = await cluster.build(['directory']);
    expect(exitCode, stdout).to.equal(1);
    expect(stdout).to.contain('3 of 3 atoms failed');
    const console = cluster.result(2, 'clusterrunner_console_output');
    expect(console).to.match(/^The worker printed at its end:\nno module named shop, /);
    expect(console).to.contain(
      'clusterrunner: No worker began this atom, so it failed: The worker exited with 4.',
    );
    expect(console).not.to.contain(secretValue);
    expect(cluster.result(2, 'clusterrunner_exit_code')).to.equal('125\n');
  });

  it('retries an atom whose worker has died, and then it is flaky', async () => {
    await cluster.startSlave(1);
    const once = steps(
      ['start', 'test -e here || { touch here; kill -9 $PPID; sleep 100; }'],
      ['begin'],
      ['wait'],
      ['end'],
    );
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': job([once, atom(':')], '  retries: 1\n') });
    const { exitCode, stdout } = await cluster.build(['directory']);
    expect(exitCode, stdout).to.equal(0);
    expect(stdout).to.match(/flaky/i);
  });

  it('ends atoms that exceed the atom_timeout', async () => {
    await cluster.startSlave(1);
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': job([atom('echo begin; sleep 1000'), atom(':')], '  atom_timeout: 2s\n'),
    });
    const { exitCode, stdout } = await cluster.build(['directory']);
    expect(exitCode, stdout).to.equal(1);
    expect(cluster.result(0, 'clusterrunner_exit_code')).to.equal('124\n');
    expect(cluster.result(0, 'clusterrunner_console_output')).to.equal(
      'begin\nclusterrunner: the atom was ended after 2 s (atom_timeout).\n',
    );
    expect(cluster.result(1, 'clusterrunner_exit_code')).to.equal('0\n');
  });

  it('has no process left when its build was canceled or has ended', async () => {
    await cluster.startSlave(1);
    mkdirSync(join(cluster.cwd, 'signs'));
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': job([atom('echo > signs/begun; sleep 1000')]),
    });
    const build = cluster.startBuild(['directory']);
    await eventually('the atom runs', () => existsSync(join(cluster.cwd, 'signs', 'begun')));
    build.signal('SIGINT');
    await build.ended;
    await eventually(
      'worker and atom are gone',
      () => !cluster.processes().some((line) => /scripted-worker|sleep 1000/.test(line)),
    );
  });
});
