import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { atomsFileLine } from '../../../src/job/atoms-file-line.js';
import { shellText } from '../../../src/job/shell-text.js';

const job = { atomizers: [{ PY: 'ls' }, { JS: 'ls' }, { PY: 'ls more' }] };

describe('the line that makes $ATOMS_FILE', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'atoms-file-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const read = (shell: string, env: Record<string, string>) =>
    execFileSync(shell, ['-euc', shellText([atomsFileLine(job), 'cat "$ATOMS_FILE"; env'])], {
      env: { PATH: process.env.PATH ?? '', ARTIFACT_DIR: directory, ...env },
      encoding: 'utf8',
    });

  for (const shell of ['sh', 'bash']) {
    it(`writes the value of the variable that is set, byte for byte, in ${shell}`, () => {
      for (const name of ['PY', 'JS']) {
        const value = `a  b "c" 'd' $HOME %s \\n -n ünï`;
        const output = read(shell, { [name]: value });
        expect(output.startsWith(`${value}\n`), name).to.equal(true);
        expect(output).to.contain(`\nATOMS_FILE=${directory}/clusterrunner_atoms\n`);
      }
    });
  }

  it('leaves a file alone that is set already', () => {
    const file = join(directory, 'given');
    execFileSync('sh', ['-c', 'echo given > "$0"', file]);
    expect(read('sh', { ATOMS_FILE: file, PY: 'other' })).to.match(/^given\n/);
    expect(readFileSync(file, 'utf8')).to.equal('given\n');
  });
});
