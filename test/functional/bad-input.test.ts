import { chmodSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster, freePort } from '../support/cluster.js';
import type { Ended } from '../support/processes.js';
import { type Files, GitProject, writeFiles } from '../support/project.js';

const SIMPLE: Files = { 'clusterrunner.yaml': 'Simple: {atomizers: [{N: seq 2}], commands: ["true"]}\n' };

/** Expects one sentence for people on stderr, and no other output. */
function expectSentence({ exitCode, stdout, stderr }: Ended, ...parts: (string | RegExp)[]): void {
  expect(exitCode, stdout + stderr).to.equal(2);
  expect(stderr).to.match(/^(clusterrunner|error): [^\n]+\n$/);
  expectNoInside(stderr, parts);
}

/** The same, followed by the output of a command of the project. */
function expectSentenceAndOutput(
  { exitCode, stdout, stderr }: Ended,
  sentence: RegExp,
  output: string,
): void {
  expect(exitCode, stdout + stderr).to.equal(2);
  const [first = '', ...rest] = stderr.split('\n');
  expect(first)
    .to.match(/^clusterrunner: /)
    .and.to.match(sentence);
  expect(rest.join('\n')).to.contain(output);
  expectNoInside(stderr, []);
}

function expectNoInside(stderr: string, parts: readonly (string | RegExp)[]): void {
  expect(stderr).not.to.match(/\n\s+at |node:internal|Error:|"level"/);
  for (const part of parts) {
    if (typeof part === 'string') {
      expect(stderr).to.contain(part);
    } else {
      expect(stderr).to.match(part);
    }
  }
}

describe('clusterrunner with bad input', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.create();
  });
  // It also checks that no process and no temporary file is left.
  afterEach(() => cluster.stop());

  describe('build of a folder', () => {
    const build = (files: Files, ...args: string[]) => {
      writeFiles(cluster.cwd, files);
      return cluster.build(args);
    };
    afterEach(() => {
      // A build that could not be run leaves a report, and nothing else.
      const folders = readdirSync(cluster.cwd).filter((name) => name.includes('build_results'));
      const left = folders.flatMap((folder) => readdirSync(join(cluster.cwd, folder)));
      expect(left).to.have.members(left.length === 0 ? [] : ['.gitignore', 'report.html']);
      expect(folders).to.deep.equal(left.length === 0 ? [] : ['build_results']);
    });

    it('names the unknown job and the jobs that exist', async () => {
      expectSentence(await build(SIMPLE, '-j', 'Other'), 'Other', 'Simple', 'clusterrunner.yaml');
    });

    it('names the folder that has no clusterrunner.yaml', async () => {
      expectSentence(await build({}), cluster.cwd, 'clusterrunner.yaml');
    });

    it('names file and line of broken YAML', async () => {
      const broken = {
        'clusterrunner.yaml': 'Simple:\n    commands:\n        - "not closed\n    atomizers: [\n',
      };
      expectSentence(await build(broken), join(cluster.cwd, 'clusterrunner.yaml'), /line \d/);
    });

    it('names file, line and section of a wrong definition', async () => {
      const wrong = { 'clusterrunner.yaml': 'Simple:\n    comands: ["true"]\n    atomizers: [{N: seq 2}]\n' };
      expectSentence(await build(wrong), 'clusterrunner.yaml', 'line 2', 'comands');
    });

    it('asks which job is meant when there are several', async () => {
      const two = {
        'clusterrunner.yaml': `${SIMPLE['clusterrunner.yaml']}B: {atomizers: [{N: ls}], commands: [ls]}\n`,
      };
      expectSentence(await build(two), 'several jobs', 'Simple, B');
    });

    it('shows the output of an atomizer that fails', async () => {
      const fails = {
        'clusterrunner.yaml':
          'Simple: {atomizers: [{N: "echo no such database >&2; exit 4"}], commands: ["true"]}\n',
      };
      expectSentenceAndOutput(await build(fails), /atomizer N .* exited with 4/, 'no such database');
    });

    it('shows the output of a setup that fails', async () => {
      const fails = {
        'clusterrunner.yaml':
          'Simple: {setup_build: ["echo make: no rule >&2; exit 2"], atomizers: [{N: seq 2}], commands: ["true"]}\n',
      };
      expectSentenceAndOutput(await build(fails), /setup_build failed/, 'make: no rule');
    });

    it('names an unknown flag', async () => {
      expectSentence(await build(SIMPLE, '--jobb', 'Simple'), '--jobb');
    });

    it('refuses abbreviated long options', async () => {
      const { exitCode, stderr } = await build(SIMPLE, '--job', 'Simple');
      expect(exitCode).to.equal(2);
      expect(stderr).to.equal("error: unknown option '--job'\n(Did you mean --job-name?)\n");
    });

    it('names an unknown type of build', async () => {
      expectSentence(await build(SIMPLE, 'svn'), 'svn', 'git', 'directory');
    });

    it('refuses --quiet with --verbose', async () => {
      expectSentence(await build(SIMPLE, '--quiet', '--verbose'), '--quiet', '--verbose');
    });

    it('refuses options of git builds without a repository', async () => {
      expectSentence(await build(SIMPLE, '--branch', 'main'), '--branch', '--url');
    });
  });

  it('ends a job without atoms with SUCCESS', async () => {
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': 'Simple: {atomizers: [{N: "true"}], commands: ["false"]}\n',
    });
    const ended = await cluster.build([]);
    expect(ended, ended.stderr).to.include({ exitCode: 0, stderr: '' });
    expect(ended.stdout).to.match(/^SUCCESS: 0 atoms/m);
  });

  describe('build of a repository', () => {
    /** The sentence follows the warning that no master is named. */
    const expectSecondSentence = (ended: Ended, ...parts: string[]) => {
      const [warning = '', ...rest] = ended.stderr.split('\n');
      expect(warning).to.match(/^build: warning: The build runs on this machine alone/);
      expectSentence({ ...ended, stderr: rest.join('\n') }, ...parts);
    };

    it('names a repository that does not exist', async () => {
      const url = `file://${cluster.root}/nowhere`;
      expectSecondSentence(await cluster.build(['--url', url, '-j', 'Simple']), url);
    });

    it('names a branch that does not exist', async () => {
      const project = await GitProject.create(join(cluster.root, 'project'), SIMPLE);
      const ended = await cluster.build(['--url', project.url, '-j', 'Simple', '--branch', 'nosuchbranch']);
      expectSecondSentence(ended, 'nosuchbranch', project.url);
    });

    it('names a commit that does not exist', async () => {
      const project = await GitProject.create(join(cluster.root, 'project'), SIMPLE);
      const hash = 'deadbeef'.repeat(5);
      expectSecondSentence(
        await cluster.build(['--url', project.url, '-j', 'Simple', '--hash', hash]),
        hash,
        project.url,
      );
    });
  });

  describe('without a reachable master', () => {
    it('names the URL that does not respond', async () => {
      writeFiles(cluster.cwd, SIMPLE);
      const url = `http://127.0.0.1:${await freePort()}`;
      expectSentence(await cluster.build(['--master-url', url]), url);
    });

    it('names a URL that is malformed', async () => {
      writeFiles(cluster.cwd, SIMPLE);
      expectSentence(await cluster.build(['--master-url', 'ftp://localhost']), 'ftp://localhost');
    });

    it('tells a client that its secret is wrong', async () => {
      await cluster.startMaster();
      writeFiles(cluster.cwd, SIMPLE);
      const ended = await cluster.build([], { env: { CLUSTERRUNNER_SECRET: 'quite another secret' } });
      expectSentence(ended, 'secret');
    });

    it('tells a slave that its secret is wrong', async () => {
      await cluster.startMaster();
      const slave = cluster.run(['slave', '-m', cluster.master.url, '-p', '0', '--quiet'], {
        env: { CLUSTERRUNNER_SECRET: 'quite another secret' },
      });
      expectSentence(await slave.ended, 'secret');
    });

    it('tells a command that reads that no master runs on this machine', async () => {
      expectSentence(await cluster.run(['list']).ended, '--master-url');
    });
  });

  describe('a service whose port is taken', () => {
    const whileTaken = async (action: (port: string) => Promise<void>) => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, resolve));
      const address = server.address();
      try {
        await action(String(typeof address === 'object' ? address?.port : ''));
      } finally {
        server.close();
      }
    };

    it('names the port, as a master', () =>
      whileTaken(async (port) => {
        expectSentence(await cluster.run(['master', '-p', port]).ended, port);
      }));

    it('names the port, as a slave', async () => {
      await cluster.startMaster();
      await whileTaken(async (port) => {
        const slave = cluster.run(['slave', '-m', cluster.master.url, '-p', port]);
        expectSentence(await slave.ended, port);
      });
    });
  });

  it('refuses a second master in the same base directory', async () => {
    await cluster.startMaster();
    expectSentence(await cluster.run(['master', '-p', '0', '--quiet']).ended, cluster.baseDirectory);
  });

  describe('the error for clusterrunner.conf', () => {
    const conf = () => join(cluster.baseDirectory, 'clusterrunner.conf');
    const withConf = (text: string) => {
      writeFileSync(conf(), text);
      writeFiles(cluster.cwd, SIMPLE);
      return cluster.build([]);
    };

    it('names the command that fixes a file which others can read', async () => {
      chmodSync(conf(), 0o644);
      writeFiles(cluster.cwd, SIMPLE);
      expectSentence(await cluster.build([]), 'chmod 600', conf());
    });

    it('names file, line and key of an unknown key', async () => {
      expectSentence(
        await withConf('[general]\nsecret = a good secret\n[master]\nprot = 1\n'),
        conf(),
        'line 4',
        'prot',
      );
    });

    it('names file, line and key of a wrong type', async () => {
      const text = '[general]\nsecret = a good secret\n\n[slave]\nnum_executors = many\n';
      expectSentence(await withConf(text), conf(), 'line 5', 'num_executors');
    });

    it('names file and line of text that is no setting', async () => {
      expectSentence(await withConf('[general]\nsecret = a good secret\nhello world\n'), conf(), 'line 3');
    });

    it('names a secret that is too short', async () => {
      expectSentence(await withConf('[general]\nsecret = short\n'), conf(), 'line 2', 'secret');
    });

    it('names a --config-file whose folder does not exist', async () => {
      const file = join(cluster.root, 'missing', 'clusterrunner.conf');
      writeFiles(cluster.cwd, SIMPLE);
      expectSentence(await cluster.build(['--config-file', file]), file);
    });

    it('names an environment variable that is no setting', async () => {
      writeFiles(cluster.cwd, SIMPLE);
      expectSentence(
        await cluster.build([], { env: { CLUSTERRUNNER_NUM_EXECUTERS: '2' } }),
        'CLUSTERRUNNER_NUM_EXECUTERS',
      );
    });
  });
});
