import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  deterministicCommit,
  deterministicEnvironment,
  MESSAGE,
} from '../../../../src/project/snapshot/deterministic-commit.js';

describe('deterministicCommit', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'plain-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  for (const format of ['sha1', 'sha256']) {
    for (const seconds of [0, 1_700_000_000]) {
      it(`computes the same hash as git (${format}, ${seconds})`, () => {
        const git = (...args: string[]) =>
          execFileSync('git', args, {
            cwd: directory,
            encoding: 'utf8',
            env: { PATH: process.env.PATH, HOME: directory, ...deterministicEnvironment(seconds) },
          }).trim();
        git('init', '-q', `--object-format=${format}`);
        const tree = git('write-tree');
        expect(deterministicCommit({ tree, seconds })).to.equal(git('commit-tree', tree, '-m', MESSAGE));
      });
    }
  }
});
