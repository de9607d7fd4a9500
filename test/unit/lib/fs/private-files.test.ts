import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { makePrivate, makePrivateFolder } from '../../../../src/lib/fs/private-files.js';

describe('private files', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'clusterrunner-private-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const modeOf = (path: string) => statSync(path).mode & 0o777;

  it('are restricted to their owner even when they existed before', () => {
    const folder = join(directory, 'folder');
    mkdirSync(folder);
    chmodSync(folder, 0o755);
    makePrivateFolder(folder);
    expect(modeOf(folder)).to.equal(0o700);
    const file = join(directory, 'file');
    writeFileSync(file, 'kept');
    chmodSync(file, 0o644);
    makePrivate(file);
    expect(modeOf(file)).to.equal(0o600);
  });
});
