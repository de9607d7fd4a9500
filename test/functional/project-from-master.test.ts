import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { GitServer } from '../support/git-server.js';
import { run } from '../support/processes.js';
import { GitProject } from '../support/project.js';

const SLAVES = 3;

/** Each atom waits until one runs on every slave, so that all slaves take part. */
const jobs = (meeting: string) => `
Meet:
    max_executors_per_slave: 1
    atomizers:
        - TOKEN: seq ${SLAVES}
    commands:
        - mkdir -p ${meeting}/$BUILD_ID && touch ${meeting}/$BUILD_ID/$TOKEN
        - for i in $(seq 300); do [ $(ls ${meeting}/$BUILD_ID | wc -l) -lt ${SLAVES} ] || break; sleep 0.1; done
        - test $(ls ${meeting}/$BUILD_ID | wc -l) -eq ${SLAVES}
        - cat version.txt && git rev-parse HEAD && git describe --always --tags
`;

describe('a repository that is built on several slaves', () => {
  let cluster: Cluster;
  let host: GitServer;
  let project: GitProject;
  let url: string;
  before(async () => {
    cluster = await Cluster.start(...new Array<number>(SLAVES).fill(1));
    const meeting = join(cluster.cwd, 'meeting');
    project = await GitProject.create(join(cluster.root, 'hosted', 'project'), {
      'clusterrunner.yaml': jobs(meeting),
      'version.txt': 'one\n',
    });
    await project.git('tag', 'v1');
    host = await GitServer.start(join(cluster.root, 'hosted'));
    url = `${host.url}/project/.git`;
  });
  after(async () => {
    await cluster.stop();
    await host.close();
  });

  /** Requests and bytes at the host during a build that must pass on all slaves. */
  const cost = async (...args: readonly string[]) => {
    host.forget();
    const { exitCode, stdout, stderr } = await cluster.build(['--url', url, '-j', 'Meet', ...args]);
    expect(exitCode, stdout + stderr).to.equal(0);
    const consoles = Array.from({ length: SLAVES }, (_, atom) =>
      cluster.result(atom, 'clusterrunner_console_output'),
    );
    return { requests: host.requests, bytes: host.bytes, consoles: [...new Set(consoles)] };
  };

  /** The cost of one clone at the host. */
  const clone = async () => {
    host.forget();
    const directory = join(cluster.root, 'clone');
    const { exitCode, stderr } = await run('git', ['clone', '-q', '--mirror', url, directory], {
      cwd: cluster.root,
      env: { PATH: process.env.PATH ?? '', HOME: cluster.root },
    });
    expect(exitCode, stderr).to.equal(0);
    rmSync(directory, { recursive: true });
    return { requests: host.requests, bytes: host.bytes };
  };

  it('is fetched from its origin once, and complete with tags on every slave', async () => {
    const once = await clone();
    const { requests, bytes, consoles } = await cost();
    const commit = await project.git('rev-parse', 'HEAD');
    expect(consoles).to.deep.equal([`one\n${commit}\nv1\n`]);
    expect({ requests, bytes: bytes < once.bytes * 1.5 }).to.deep.equal({
      requests: once.requests,
      bytes: true,
    });
  });

  it('is fetched once for new commits, which are all that slaves receive', async () => {
    await project.commit({ 'version.txt': 'two\n' });
    const { requests, consoles } = await cost();
    expect(consoles[0]).to.match(/^two\n/);
    expect(requests).to.be.at.most(3);
    const commit = await project.git('rev-parse', 'HEAD');
    const before = await project.git('rev-parse', 'HEAD~1');
    const names = readdirSync(join(cluster.baseDirectory, 'master', 'packs'));
    expect(names.filter((name) => name.startsWith(`${commit}.${before}.`))).to.have.length(1);
  });

  it('has its submodules fetched once too, and not again while they are unchanged', async () => {
    const library = await GitProject.create(join(cluster.root, 'hosted', 'library'), { text: 'in it\n' });
    const commit = await library.git('rev-parse', 'HEAD');
    mkdirSync(join(project.directory, 'lib'));
    await project.git('update-index', '--add', '--cacheinfo', `160000,${commit},lib`);
    await project.commit({
      '.gitmodules': '[submodule "lib"]\n\tpath = lib\n\turl = ../../library/.git\n',
      'version.txt': 'with a library\n',
    });
    // A fetch is three requests at most.
    expect((await cost()).requests).to.be.at.most(6);
    await project.commit({ 'version.txt': 'with the same library\n' });
    expect((await cost()).requests).to.be.at.most(3);
  });

  it('is built when the master has lost its bundles', async () => {
    rmSync(join(cluster.baseDirectory, 'master', 'packs'), { recursive: true });
    await project.commit({ 'version.txt': 'three\n' });
    expect((await cost()).consoles[0]).to.match(/^three\n/);
  });
});
