import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import type { Program } from '../support/processes.js';
import { writeFiles } from '../support/project.js';
import { eventually } from '../support/wait.js';

describe('the cluster of one command', () => {
  let cluster: Cluster;
  let build: Program;
  let gate: string;
  before(async () => {
    cluster = await Cluster.create();
    gate = join(cluster.root, 'gate');
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': `
Wait:
    atomizers:
        - T: echo first
    commands:
        - echo "waits in $PROJECT_DIR"
        - until [ -e ${gate} ]; do sleep 0.05; done
`,
    });
    const below = join(cluster.cwd, 'src', 'deep');
    mkdirSync(below, { recursive: true });
    build = cluster.run(['build'], { cwd: below, env: { CLUSTERRUNNER_READ_ACCESS: 'signed' } });
  });
  after(() => cluster.stop());

  it('is found by commands in another terminal', async () => {
    let shown = '';
    await eventually(
      'the console of the atom is shown',
      async () => {
        const { stdout, stderr } = await cluster.run(['console', '1', '0']).ended;
        shown = stdout + stderr;
        return stdout.includes('waits in');
      },
      () => shown,
    );
    const { exitCode, stdout } = await cluster.run(['status']).ended;
    expect(exitCode).to.equal(0);
    expect(stdout)
      .to.match(/^SLAVE +NAME/)
      .and.include('Build 1');
  });

  it('refuses reads without the secret when `read_access` says so', async () => {
    const [, url] = /accepted by (http:\S+)/.exec(build.stdout + build.stderr) ?? [];
    for (const path of ['/v1', '/v1/build/1', '/v1/build/1/atom/0/console', '/v1/events']) {
      expect((await fetch(`${url}${path}`)).status, path).to.equal(401);
    }
  });

  it('has a page, whose link has a token that may read and act', async () => {
    const [, url, token] = await build.says(/^Watch it at (http:\S+)\/ui\/build\/1#token=(\S+)$/m);
    const headers = { Authorization: `Bearer ${token}` };
    expect((await fetch(`${url}/v1/build/1`, { headers })).status).to.equal(200);
    expect(await (await fetch(`${url}/v1/session`, { headers })).json()).to.include({
      may_read: true,
      may_act: true,
    });
    const page = await fetch(`${url}/ui/build/1`, { headers: { Accept: 'text/html' } });
    expect(page.headers.get('Content-Type')).to.equal('text/html; charset=utf-8');
  });

  it('is not ended by `stop`', async () => {
    const { stdout } = await cluster.run(['stop']).ended;
    expect(stdout).to.equal('No master or slave of this base directory is running.\n');
  });

  it('builds the project whose clusterrunner.yaml is above the current folder', async () => {
    writeFileSync(gate, '');
    const { exitCode, stdout, stderr } = await build.ended;
    expect(exitCode, stdout + stderr).to.equal(0);
  });

  it('is not found once the build has ended, and the command that shows past builds is named', async () => {
    const { exitCode, stderr } = await cluster.run(['status']).ended;
    expect(exitCode).to.equal(2);
    expect(stderr).to.include('No master is running on this machine').and.to.include('clusterrunner ui');
  });
});
