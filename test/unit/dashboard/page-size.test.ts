import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { repositoryRoot } from '../../support/cluster.js';

const folder = join(repositoryRoot, 'dist', 'dashboard');
const MOST_BYTES = 60_000;

describe('the files of the dashboard', () => {
  it('have at most 60,000 bytes together, as they are sent to browsers', () => {
    const sizes = readdirSync(folder)
      .filter((name) => name.endsWith('.gz'))
      .map((name) => statSync(join(folder, name)).size);
    expect(sizes).not.to.have.length(0);
    expect(sizes.reduce((sum, size) => sum + size)).to.be.at.most(MOST_BYTES);
  });
});
