import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { requirePlaceOfJunit } from '../../../../src/cli/build/results/fetch-results.js';

describe('the place of a JUnit report', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'junit-place-'));
  });
  afterEach(() => rmSync(home, { recursive: true }));

  it('may be new, with new folders above it, or a file, which is not touched before the build', () => {
    writeFileSync(join(home, 'old.xml'), 'old');
    requirePlaceOfJunit(join(home, 'a', 'b', 'new.xml'));
    requirePlaceOfJunit(join(home, 'old.xml'));
    expect(readdirSync(home)).to.deep.equal(['old.xml']);
  });

  it('is refused when it is a folder, or lies below a file', () => {
    writeFileSync(join(home, 'file'), '');
    expect(() => requirePlaceOfJunit(home)).to.throw(`--junit ${home} is a folder; give the name of a file.`);
    const below = join(home, 'file', 'report.xml');
    expect(() => requirePlaceOfJunit(below)).to.throw(`--junit ${below} cannot be written (ENOTDIR`);
  });
});
