import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect } from 'chai';
import { findBash } from '../../../src/process/shell.js';

describe('findBash', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'shell-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('finds the first executable bash of the PATH', async () => {
    const bash = join(folder, 'bash');
    writeFileSync(bash, '', { mode: 0o755 });
    expect(await findBash(['', 'relative', '/none', folder].join(delimiter), [])).to.equal(bash);
  });

  it('returns null where there is no bash', async () => {
    expect(await findBash(folder, [])).to.equal(null);
  });
});
