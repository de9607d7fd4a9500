import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { repositoryRoot } from '../support/cluster.js';
import { Program } from '../support/processes.js';

const bin = join(repositoryRoot, 'bin');

describe('the launcher', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'launcher-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** Runs the launcher in a Node that reports another version. */
  function runAs(version: string, ...args: string[]) {
    const preload = join(directory, 'preload.cjs');
    writeFileSync(
      preload,
      `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });\n`,
    );
    return new Program(process.execPath, ['--require', preload, join(bin, 'clusterrunner'), ...args], {
      cwd: directory,
      env: { PATH: process.env.PATH ?? '' },
    }).ended;
  }

  for (const version of ['12.22.12', '18.20.8', '20.9.0', '20.18.0']) {
    it(`names the needed version of Node on ${version}, whatever the arguments`, async () => {
      const [asked, build] = await Promise.all([runAs(version, '--version'), runAs(version, 'build')]);
      expect(asked).to.deep.equal(build).and.to.include({ exitCode: 2, stdout: '' });
      expect(asked.stderr)
        .to.match(/^clusterrunner: [^\n]+\n$/)
        .and.to.contain(`needs Node 20.18.1 or later, this is ${version}`);
    });
  }

  for (const version of ['20.18.1', '21.0.0', '26.0.0-nightly']) {
    it(`runs on Node ${version}`, async () => {
      const ended = await runAs(version, '--version');
      expect(ended, ended.stderr).to.include({ exitCode: 0, stderr: '' });
    });
  }

  it('uses no syntax that old versions of Node cannot parse', () => {
    for (const file of ['clusterrunner', 'is-older.js']) {
      const code = readFileSync(join(bin, file), 'utf8').replace(/\/\/.*|\/\*[\s\S]*?\*\/|'[^'\n]*'/g, '');
      expect(code, file).not.to.match(/=>|`|\?\.|\?\?|\b(?:import|export|const|let|class|async|await)\b/);
    }
    expect(JSON.parse(readFileSync(join(bin, 'package.json'), 'utf8'))).to.deep.equal({ type: 'commonjs' });
  });
});
