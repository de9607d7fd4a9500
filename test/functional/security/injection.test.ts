import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../../support/cluster.js';
import { type Files, GitProject, writeFiles } from '../../support/project.js';
import { type Reply, sendTo, signedRequest } from '../../support/signed-request.js';
import { eventually } from '../../support/wait.js';

const FILES: Files = {
  'clusterrunner.yaml': 'Show: {atomizers: [{V: echo none}], commands: [\'printf %s "$V"\']}\n',
};

/** Each would make a file at `canary` if a shell or git interpreted it. */
function payloads(canary: string): string[] {
  return [
    `$(touch ${canary})`,
    `\`touch ${canary}\``,
    `x; touch ${canary} #`,
    `x' ; touch ${canary} ; '`,
    `x" ; touch ${canary} ; "`,
    `x\ntouch ${canary}\n`,
    `--upload-pack=touch ${canary};`,
    `ext::sh -c touch% ${canary}`,
  ];
}

describe('shell text in a field of a build request', () => {
  let cluster: Cluster;
  let project: GitProject;
  let canary: string;
  beforeEach(async () => {
    cluster = await Cluster.start(4);
    project = await GitProject.create(join(cluster.root, 'project'), FILES);
    writeFiles(cluster.cwd, FILES);
    canary = join(cluster.root, 'canary');
  });
  afterEach(() => cluster.stop());

  const order = (body: object): Promise<Reply> =>
    sendTo(cluster.master.url, signedRequest(cluster.secret, 'POST', '/v1/build', body));
  const expectNothingRan = () => expect(existsSync(canary)).to.equal(false);

  const whenAllHaveEnded = () =>
    eventually('all builds have ended', async () => {
      const { total } = await cluster.client.listBuilds({ limit: 1 });
      const { builds } = await cluster.client.listBuilds({ limit: 1000 });
      return builds.length === total && builds.every(({ status }) => status !== 'BUILDING') ? builds : null;
    });

  it('is never run, whichever field holds it', async function () {
    // Nearly a hundred builds, most of which fail in git.
    this.timeout(300_000);
    // Responds at once with 404, so that git does not try again.
    const host = cluster.master.url;
    const git = { type: 'git', url: project.url, job_name: 'Show' };
    const fields: ((text: string) => object)[] = [
      (text) => ({ ...git, url: text }),
      (text) => ({ ...git, url: `${project.url}${text}` }),
      (text) => ({ ...git, url: `ssh://${text}/x` }),
      (text) => ({ ...git, branch: text }),
      (text) => ({ ...git, hash: text }),
      (text) => ({ ...git, remote: text }),
      (text) => ({ ...git, project_directory: text }),
      (text) => ({ ...git, job_name: text }),
      (text) => ({ ...git, remote_files: { [`${host}/v1/x`]: text } }),
      (text) => ({ ...git, remote_files: { [`${host}/v1/x/${text}`]: 'x' } }),
      (text) => ({ ...git, config: { commands: ['true'], atomizers: [{ [text]: 'echo 1' }] } }),
      (text) => ({ type: 'directory', project_directory: `/${text}`, job_name: 'Show' }),
    ];
    for (const field of fields) {
      for (const text of payloads(canary)) {
        const reply = await order(field(text));
        expect(reply.status, `${JSON.stringify(field(text))}: ${reply.error}`).to.be.oneOf([202, 400]);
      }
      await whenAllHaveEnded();
    }
    const builds = await whenAllHaveEnded();
    expect(builds.length).to.be.above(30);
    expectNothingRan();
  });

  it('reaches a command byte for byte as the value of an atom, and is in no rerun script', async () => {
    const texts = [...payloads(canary), '$PROJECT_DIR', "'", '"', '\\', '*', '-n', '!x', '%s'];
    const job = "Show $(touch x)'\n; touch y";
    const folder = join(cluster.cwd, "it's $(touch z); touch z #");
    mkdirSync(folder);
    const body = {
      type: 'directory',
      project_directory: folder,
      job_name: job,
      config: { commands: ['printf "<%s>" "$V"'], atomizers: [{ V: 'false' }] },
      atoms_override: texts,
    };
    expect((await order(body)).status).to.equal(202);
    const [build] = await whenAllHaveEnded();
    expect(build?.status, build?.error_message ?? '').to.equal('SUCCESS');
    const fetched = await cluster.run(['results', String(build?.id), '-m', cluster.master.url]).ended;
    expect(fetched.exitCode, fetched.stderr).to.equal(0);
    for (const [atom, text] of texts.entries()) {
      // The name of the checkout in an atom's value.
      const value = text === '$PROJECT_DIR' ? folder : text;
      expect(cluster.result(atom, 'clusterrunner_console_output')).to.equal(`<${value}>`);
      const script = join(cluster.cwd, 'build_results', cluster.folder(atom), 'clusterrunner_command');
      const rerun = await cluster.runProgram('/bin/sh', [script], {
        env: { ARTIFACT_DIR: join(cluster.root, 'again') },
      }).ended;
      expect(rerun.stdout, rerun.stderr).to.equal(`<${value}>`);
    }
    expectNothingRan();
    const names = readdirSync(cluster.cwd).sort();
    expect(names).to.deep.equal(['build_results', 'clusterrunner.yaml', basename(folder)]);
    expect(readdirSync(folder)).to.deep.equal([]);
  });
});
