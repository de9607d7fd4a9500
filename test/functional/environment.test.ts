import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { GitProject } from '../support/project.js';

const VALUES = [
  "it's",
  'say "hello"',
  '$HOME $1 $$',
  '`id` $(id)',
  '* ? [a-z] {a,b} ~',
  '-n --help',
  'a; b && c | d > e & #f',
  'back\\slash \\n',
  'grüße 漢字 🙂',
  '%s %d%%',
  '!history',
  '"; exit 3; "',
];

const JOBS = `
Show:
    atomizers:
        - TOKEN: seq 0 5
    commands:
        - pwd > "$ARTIFACT_DIR/pwd"
        - env > "$ARTIFACT_DIR/env"
Values:
    atomizers:
        - VALUE: cat "$PROJECT_DIR/values.txt"
    commands:
        - printf %s "$VALUE" > "$ARTIFACT_DIR/value"
Paths:
    atomizers:
        - FILE: find "$PROJECT_DIR" -name '*.txt'
    commands:
        - cat "$FILE" > "$ARTIFACT_DIR/content"
Limited:
    max_executors: 1
    atomizers:
        - TOKEN: seq 8
    commands:
        - echo "$BUILD_EXECUTOR_INDEX"
Setup:
    setup_build:
        - env > "$PROJECT_DIR/setup_env"
    atomizers:
        - TOKEN: echo x
    commands:
        - cp "$PROJECT_DIR/setup_env" "$ARTIFACT_DIR/"
        - set -o | grep pipefail > "$ARTIFACT_DIR/pipefail"
`;

describe('the environment of commands', () => {
  let cluster: Cluster;
  let project: GitProject;
  before(async () => {
    cluster = await Cluster.start(2);
    project = await GitProject.create(join(cluster.root, 'project'), {
      'clusterrunner.yaml': JOBS,
      'values.txt': `${VALUES.join('\n')}\n`,
    });
  });
  after(() => cluster.stop());

  const build = async (job: string) => {
    const { exitCode, stdout, stderr } = await cluster.build(['--url', project.url, '--job-name', job]);
    expect(exitCode, stdout + stderr).to.equal(0);
  };
  const environment = (atom: number, file = 'env'): Record<string, string> =>
    Object.fromEntries(
      cluster
        .result(atom, file)
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );

  it('names project, artifacts, build, subjob, atom and executor', async () => {
    await build('Show');
    const [{ id } = { id: 0 }] = (await cluster.client.listBuilds({ offset: 0, limit: 1 })).builds;
    for (let atom = 0; atom < 6; atom += 1) {
      const env = environment(atom);
      expect(cluster.folder(atom)).to.equal(`artifact_${env.SUBJOB_ID}_${env.ATOM_ID}`);
      expect(env).to.include({
        TOKEN: String(atom),
        ATOM_ID: String(atom),
        BUILD_ID: String(id),
        CI: 'true',
        CLUSTERRUNNER: 'true',
      });
      expect(env.EXECUTOR_INDEX).to.be.oneOf(['0', '1']);
      expect(env.BUILD_EXECUTOR_INDEX).to.match(/^\d+$/);
      expect(env.EXECUTOR_INDEX).to.equal(env.MACHINE_EXECUTOR_INDEX);
      expect(env.PROJECT_DIR).to.match(/^\//);
      expect(env.ARTIFACT_DIR).to.match(/^\//);
      expect(cluster.result(atom, 'pwd')).to.equal(`${env.PROJECT_DIR}\n`);
    }
  });

  it('does not hold the secret', async () => {
    await build('Show');
    for (let atom = 0; atom < 6; atom += 1) {
      expect(cluster.result(atom, 'env')).not.to.contain(cluster.secret);
    }
  });

  it('holds the value of an atom byte for byte', async () => {
    await build('Values');
    const values = VALUES.map((_, atom) => cluster.result(atom, 'value'));
    expect(values).to.deep.equal(VALUES);
  });

  it('lets an atom be named with $PROJECT_DIR, and run with the path', async () => {
    await build('Paths');
    expect(cluster.result(0, 'content')).to.equal(`${VALUES.join('\n')}\n`);
    const { builds } = await cluster.client.listBuilds({ offset: 0, limit: 100 });
    const last = builds.at(-1);
    const { atoms } = await cluster.client.listAtoms(last?.id ?? expect.fail('no build'), {
      offset: 0,
      limit: 10,
    });
    expect(atoms.map(({ command_string }) => command_string)).to.deep.equal([
      'export FILE="$PROJECT_DIR"/values.txt;',
    ]);
  });

  it('names project and build in setup_build, whose lines bash runs with pipefail', async () => {
    await build('Setup');
    const env = environment(0, 'setup_env');
    expect(env).to.include({ CI: 'true', CLUSTERRUNNER: 'true' });
    expect(env).to.include.keys('PROJECT_DIR', 'BUILD_ID');
    expect(env).not.to.include.keys('ATOM_ID');
    expect(cluster.result(0, 'pipefail')).to.match(/on$/m);
  });

  it('counts BUILD_EXECUTOR_INDEX from 0 to below max_executors', async () => {
    await build('Limited');
    const indexes = [...Array(8).keys()].map((atom) => cluster.result(atom, 'clusterrunner_console_output'));
    expect(new Set(indexes)).to.deep.equal(new Set(['0\n']));
  });

  it('never gives two running commands of a build the same BUILD_EXECUTOR_INDEX, over two slaves', async () => {
    await cluster.startSlave(2);
    const meeting = join(cluster.root, 'meeting');
    // Each atom makes a folder with the name of its index, and ends only when all four have met.
    await project.commit({
      'clusterrunner.yaml': `
Meet:
    setup_build: [mkdir -p ${meeting}]
    atomizers:
        - TOKEN: seq 4
    commands:
        - mkdir "${meeting}/$BUILD_EXECUTOR_INDEX"
        - until [ "$(ls ${meeting} | wc -l)" -eq 4 ]; do sleep 0.02; done
        - echo "$BUILD_EXECUTOR_INDEX" > "$ARTIFACT_DIR/index"
`,
    });
    await build('Meet');
    const indexes = [0, 1, 2, 3].map((atom) => cluster.result(atom, 'index').trim());
    expect(indexes.sort()).to.deep.equal(['0', '1', '2', '3']);
  });
});
