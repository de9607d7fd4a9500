import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect } from 'chai';
import { findBash } from '../../../src/process/shell.js';

describe('the shell of commands', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'shell-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is the first bash of the PATH that can be run', async () => {
    const bash = join(folder, 'bash');
    writeFileSync(bash, '', { mode: 0o755 });
    expect(await findBash(['', 'relative', '/none', folder].join(delimiter), [])).to.equal(bash);
  });

  it('is none where no bash is', async () => {
    expect(await findBash(folder, [])).to.equal(null);
  });
});
