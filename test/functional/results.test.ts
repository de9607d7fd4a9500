import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { toId } from '../../src/protocol/ids.js';
import { Cluster } from '../support/cluster.js';
import { writeFiles } from '../support/project.js';

const job = `Odd:
    atomizers: [{N: seq 6}]
    commands:
        - cd "$ARTIFACT_DIR"
        - source "$PROJECT_DIR/atom.sh"
Long:
    atomizers: [{N: seq 1}]
    commands: ["seq 1000000", "echo the end"]
Endless:
    atomizers: [{N: seq 1}]
    commands: ["seq 5000000"]
`;
const atom = `case $N in
1) cp "$PROJECT_DIR/report.xml" r.xml; exit 3;;
2) mkfifo pipe; ln -s /etc/passwd out; ln -s 'two
lines' in; printf x > "$(printf 'bad\\377')"; printf y > 'back\\slash'; printf z > 'a\\..\\b'
   printf n > 'two
lines'; printf d > -dash; printf q > ' sp ace?#%41'; truncate -s 20M sparse;;
3) echo '<testsuite><testcase>' > broken.xml;;
4) head -c 3000000 /dev/zero > large; echo small > small;;
5) echo boom; exit 7;;
esac
`;
const report = `<testsuite name="s"><testcase name="t1" classname="c" time="0.5"/>
<testcase name="t2" classname="c" time="0.25"><failure message="bad">x</failure></testcase></testsuite>`;

/** Whether this machine has the program. */
const has = (program: string) => spawnSync(program, ['--help']).error === undefined;

describe('the results of atoms that leave odd files', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.create();
    const env = {
      CLUSTERRUNNER_CONSOLE_MAX_MIB_PER_ATOM: '4',
      CLUSTERRUNNER_ARTIFACTS_MAX_MIB_PER_ATOM: '25',
    };
    await cluster.startMaster(['-p', '0'], { env });
    await cluster.startSlave(2);
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': job, 'atom.sh': atom, 'report.xml': report });
  });
  after(() => cluster.stop());

  const notes = (n: number) => cluster.result(n, 'clusterrunner_notes');

  it('are complete but for what is named, and change no verdict', async () => {
    const { exitCode, stdout } = await cluster.build(['-j', 'Odd', '--junit', 'reports/all.xml']);
    expect(exitCode).to.equal(1);
    expect(stdout)
      .to.contain('2 tests in the reports of the atoms: 1 failures, 0 errors, 0 skipped.')
      .and.contain('1 report of tests could not be read; see ./build_results/*/clusterrunner_notes.')
      .and.contain('4 files are not whole in the results; see ./build_results/*/clusterrunner_notes.')
      .and.contain('FAILURE: 2 of 6 atoms failed');
    expect(readdirSync(join(cluster.cwd, 'build_results', cluster.folder(1))).sort()).to.deep.equal(
      [' sp ace?#%41', '-dash', 'back\\slash', 'in', 'sparse', 'two\nlines']
        .concat(
          ['command', 'console_output', 'exit_code', 'notes', 'time'].map((name) => `clusterrunner_${name}`),
        )
        .sort(),
    );
    expect(cluster.result(1, 'in')).to.equal('n');
    expect(notes(1).split('\n').sort()).to.deep.equal([
      '',
      'left out: "a\\\\..\\\\b": its name leads out of the folder on other systems',
      'left out: "bad\uFFFD": its name is not UTF-8',
      'left out: "out": a link that leads out of the folder of the atom, to "/etc/passwd"',
      'left out: "pipe": a pipe',
    ]);
    expect(notes(2)).to.match(/^not read as a report of tests: "broken\.xml": line \d+: .*\n$/);
    expect(cluster.result(3, 'small')).to.equal('small\n');
  });

  it('include one JUnit report with a suite for each atom', () => {
    const text = readFileSync(join(cluster.cwd, 'build_results', 'junit.xml'), 'utf8');
    expect(text).to.equal(readFileSync(join(cluster.cwd, 'reports', 'all.xml'), 'utf8'));
    expect(text).to.contain(
      '<testsuites name="Odd, build 1" tests="7" failures="2" errors="0" skipped="0" time="',
    );
    expect(text.match(/<testsuite name="\d"/g)).to.have.length(6);
    expect(text).to.contain('<testcase name="t1" classname="c" time="0.5"></testcase>');
    expect(text).to.match(
      /<failure message="The commands of the atom ended with exit code 7\.">boom\n<\/failure>/,
    );
  });

  it('are counted in the API, for the build and for each atom', async () => {
    const build = await cluster.client.getBuild(toId.build(1));
    const tests = { tests: 2, failures: 1, errors: 0, skipped: 0 };
    expect(build).to.deep.include({ tests, num_bad_reports: 1, num_left_out: 4 });
    const { atoms } = await cluster.client.listAtoms(toId.build(1), {});
    expect(atoms.map((one) => [one.tests, one.num_bad_reports, one.num_left_out])).to.deep.equal([
      [tests, 0, 0],
      [null, 0, 4],
      [null, 1, 0],
      [null, 0, 0],
      [null, 0, 0],
      [null, 0, 0],
    ]);
  });

  it('are listed, and served one by one, under their names', async () => {
    const at = (path: string) =>
      fetch(`${cluster.master.url}/v1/build/1/artifact/${cluster.folder(1)}${path}`);
    const listing = await (await at('')).text();
    for (const [name, content] of [
      ['two\nlines', 'n'],
      ['back\\slash', 'y'],
      ['-dash', 'd'],
      [' sp ace?#%41', 'q'],
    ] as const) {
      expect(listing).to.contain(`"path":${JSON.stringify(name)}`);
      expect(await (await at(`/${encodeURIComponent(name)}`)).text()).to.equal(content);
    }
  });

  it('are opened by common programs', async () => {
    const fetched = async (name: string) => {
      const file = join(cluster.cwd, name);
      const response = await fetch(`${cluster.master.url}/v1/build/1/${name}`);
      writeFileSync(file, Buffer.from(await response.arrayBuffer()));
      return file;
    };
    const tar = await fetched('artifacts.tar.gz');
    const zip = await fetched('artifacts.zip');
    const python = (code: string, file: string) => execFileSync('python3', ['-c', code, file]).toString();
    const openers: Record<string, () => unknown> = {
      tar: () => execFileSync('tar', ['-xzf', tar, '-C', unpacked('tar')]),
      bsdtar: () => execFileSync('bsdtar', ['-xf', tar, '-C', unpacked('bsdtar')]),
      unzip: () => execFileSync('unzip', ['-tq', zip]),
      python3: () => {
        python('import sys, tarfile; [m for m in tarfile.open(sys.argv[1])]', tar);
        expect(python('import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).testzip())', zip)).to.equal(
          'None\n',
        );
      },
    };
    function unpacked(name: string): string {
      mkdirSync(join(cluster.cwd, name));
      return join(cluster.cwd, name);
    }
    for (const [program, open] of Object.entries(openers)) {
      if (has(program)) {
        open();
      }
    }
    for (const name of ['tar', 'bsdtar'].filter((one) => existsSync(join(cluster.cwd, one)))) {
      const file = join(cluster.cwd, name, cluster.folder(1), 'two\nlines');
      expect(readFileSync(file, 'utf8')).to.equal('n');
      expect(readFileSync(join(cluster.cwd, name, 'failures.txt'), 'utf8').split('\n')).to.have.length(3);
    }
  });

  it('hold the beginning and the end of a console that was too long', async () => {
    expect((await cluster.build(['-j', 'Long'])).exitCode).to.equal(0);
    const console = cluster.result(0, 'clusterrunner_console_output');
    expect(console.length).to.be.lessThan(4 * 1024 ** 2);
    const note = /\n… clusterrunner: \d+ bytes are left out here[^\n]*…\n/;
    expect(console.split(note)).to.have.length(2);
    expect(console)
      .to.match(/^1\n2\n/)
      .and.match(/\n1000000\nthe end\n$/);
    expect(notes(0)).to.match(/^cut: "clusterrunner_console_output": \d+ bytes in it are left out/);
  });

  it('survive an atom that never stops printing', async () => {
    expect((await cluster.build(['-j', 'Endless'])).exitCode).to.equal(0);
    const console = cluster.result(0, 'clusterrunner_console_output');
    expect(console.length).to.be.lessThan(4 * 1024 ** 2);
    expect(console)
      .to.match(/^1\n2\n/)
      .and.contain('bytes are left out here');
  });
});
