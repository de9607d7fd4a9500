import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { filesOf } from '../support/file-digests.js';
import type { Program } from '../support/processes.js';
import { writeFiles } from '../support/project.js';
import { eventually } from '../support/wait.js';

const LINK = /(http:\/\/127\.0\.0\.1:\d+)\/ui\/builds#token=(\S+)/;

describe('`clusterrunner ui`', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.create();
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': `
Say:
    atomizers:
        - T: printf 'one\\ntwo\\n'
    commands:
        - echo "this is $T"
        - echo '{}' > "$ARTIFACT_DIR/$T.json"
        - '[ $T = one ]'
`,
    });
    expect((await cluster.build([])).exitCode).to.equal(1);
  });
  after(() => cluster.stop());

  /** Starts it, and resolves with a function that reads its API with the token of its link. */
  async function start(...args: readonly string[]) {
    const program = cluster.run(['ui', ...args]);
    const [, url = '', token = ''] = await program.says(LINK);
    const get = (path: string) => fetch(`${url}${path}`, { headers: { Authorization: `Bearer ${token}` } });
    return { program, url, get };
  }

  async function interrupted(program: Program): Promise<number> {
    program.signal('SIGINT');
    return (await program.ended).exitCode;
  }

  const store = () => join(cluster.baseDirectory, 'local', 'cluster-1', 'master');

  it('shows the builds of commands that had no master, and leaves everything as it is', async () => {
    const before = filesOf(store());
    const { program, get } = await start();
    expect(program.stdout).to.match(/^1 build of `clusterrunner build` without a master, in /);
    const { build } = JSON.parse(await (await get('/v1/build/1')).text());
    expect(build).to.include({ state: 'FINISHED', result: 'FAILURE', num_atoms: 2 });
    const { content } = JSON.parse(await (await get('/v1/build/1/atom/1/console')).text());
    expect(content).to.equal('this is two\n');
    const { files } = JSON.parse(await (await get('/v1/build/1/artifact/artifact_0_0')).text());
    expect(files).to.deep.include({ path: 'one.json', bytes: 3, link: null });
    expect((await get('/v1/build/1/artifacts.zip')).status).to.equal(200);
    expect(await interrupted(program)).to.equal(0);
    expect(filesOf(store())).to.deep.equal(before);
    expect(existsSync(join(cluster.baseDirectory, 'ui', 'ui-1', 'scratch'))).to.equal(false);
  });

  it('shows nothing to other users of the machine, and takes no change', async () => {
    const { program, url } = await start();
    expect((await fetch(`${url}/v1/build`)).status).to.equal(401);
    const { exitCode, stderr } = await cluster.run(['cancel', '1', '-m', url]).ended;
    expect(exitCode).to.equal(2);
    expect(stderr).to.include('No master runs here');
    await interrupted(program);
  });

  it('shows builds that are made meanwhile', async () => {
    const { program, get } = await start();
    expect((await cluster.build([])).exitCode).to.equal(1);
    await eventually(
      'the second build is shown',
      async () => (await get('/v1/build/2')).status === 200,
      () => program.stderr,
    );
    expect(await interrupted(program)).to.equal(0);
  });

  it('opens the link with the program that BROWSER names', async () => {
    const opened = join(cluster.root, 'opened');
    const browser = join(cluster.root, 'browser');
    writeFiles(cluster.root, {
      browser: `#!/bin/sh\nprintf '%s' "$*" > ${opened}.new && mv ${opened}.new ${opened}\n`,
    });
    const program = cluster.run(['ui', '--open'], { env: { BROWSER: browser } });
    const [link] = await program.says(LINK);
    await eventually(
      'the browser was called',
      () => existsSync(opened),
      () => program.stderr,
    );
    expect(readFileSync(opened, 'utf8')).to.equal(link);
    await interrupted(program);
  });

  it('says that it opens no browser where there is none, and goes on', async () => {
    const program = cluster.run(['ui', '--open', '--json']);
    await program.says(/^}\n/m);
    const { views } = JSON.parse(program.stdout);
    expect(views).to.have.length(1);
    expect(views[0]).to.include({ name: 'cluster-1', directory: store(), num_builds: 2 });
    expect(await interrupted(program)).to.equal(0);
    expect(program.stderr).to.match(/^clusterrunner: No browser is opened: there is no display here/);
  });

  it('names the page of a master that runs, and the stores that there are', async () => {
    const { url } = await cluster.startMaster();
    const { program } = await start();
    expect(program.stdout).to.include(
      `The master of ${join(cluster.baseDirectory, 'master')} runs, and shows its builds itself:\n  ${url}/ui/builds\n`,
    );
    await interrupted(program);
    const one = await cluster.run(['ui', 'master']).ended;
    expect(one.exitCode).to.equal(0);
    expect(one.stdout).to.include(`${url}/ui/builds`);
    const unknown = await cluster.run(['ui', 'cluster-9']).ended;
    expect(unknown.exitCode).to.equal(2);
    expect(unknown.stderr).to.match(/There is no "cluster-9" in .*: it has master, cluster-1\./);
    const both = await cluster.run(['ui', '--port', '4999']).ended;
    expect(both.stderr).to.include('name one, as in `clusterrunner ui master`');
  });

  it('says what to do where there are no builds', async () => {
    const empty = join(cluster.root, 'empty');
    mkdirSync(empty);
    const { exitCode, stderr } = await cluster.run(['ui'], { env: { CLUSTERRUNNER_BASE_DIRECTORY: empty } })
      .ended;
    expect(exitCode).to.equal(2);
    expect(stderr).to.include('has no builds yet: `clusterrunner build` makes the first');
    expect(readdirSync(empty)).to.not.include('local');
  });

  it('names a store that is damaged', async () => {
    const base = join(cluster.root, 'damaged');
    mkdirSync(join(base, 'master'), { recursive: true });
    const database = join(base, 'master', 'master.db');
    writeFileSync(database, 'this is no database, '.repeat(100));
    const { exitCode, stderr } = await cluster.run(['ui'], { env: { CLUSTERRUNNER_BASE_DIRECTORY: base } })
      .ended;
    expect(exitCode).to.equal(2);
    expect(stderr).to.include(`${database} is damaged or no database of ClusterRunner`);
    rmSync(base, { recursive: true });
  });
});
