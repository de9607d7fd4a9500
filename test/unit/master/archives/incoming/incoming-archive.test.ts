import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  incomingPath,
  removeLeftovers,
} from '../../../../../src/master/archives/incoming/incoming-archive.js';

describe('removeLeftovers', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'clusterrunner-incoming-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('removes what a killed run was receiving, and nothing else', () => {
    writeFileSync(incomingPath(directory), 'half');
    writeFileSync(incomingPath(directory), 'half');
    writeFileSync(join(directory, 'notes.txt'), 'keep');
    removeLeftovers(directory);
    expect(readdirSync(directory)).to.deep.equal(['notes.txt']);
  });

  it('creates the folder when it is missing', () => {
    removeLeftovers(join(directory, 'a', 'b'));
    expect(existsSync(join(directory, 'a', 'b'))).to.equal(true);
  });
});
