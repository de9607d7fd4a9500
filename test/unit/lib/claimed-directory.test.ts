import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { claimDirectory } from '../../../src/lib/claimed-directory.js';

describe('a claimed directory', () => {
  let parent: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'claim-'));
  });
  afterEach(() => rmSync(parent, { recursive: true }));

  it('is given to one holder at a time, and again with its contents after release', () => {
    const first = claimDirectory(parent, 'slot');
    const second = claimDirectory(parent, 'slot');
    expect([first.path, second.path]).to.deep.equal([join(parent, 'slot-1'), join(parent, 'slot-2')]);
    writeFileSync(join(first.path, 'kept'), '');
    first.release();
    const third = claimDirectory(parent, 'slot');
    expect(third.path).to.equal(first.path);
    expect(existsSync(join(third.path, 'kept'))).to.equal(true);
  });

  it('is taken over from a process that is gone', () => {
    mkdirSync(join(parent, 'slot-1'));
    writeFileSync(join(parent, 'slot-1', 'owner'), '4194304 1');
    expect(claimDirectory(parent, 'slot').path).to.equal(join(parent, 'slot-1'));
  });

  it('is taken over when the number of its holder was given to another process', () => {
    mkdirSync(join(parent, 'slot-1'));
    writeFileSync(join(parent, 'slot-1', 'owner'), `${process.pid} 1`);
    expect(claimDirectory(parent, 'slot').path).to.equal(join(parent, 'slot-1'));
  });

  it('leaves nothing but the claim behind', () => {
    claimDirectory(parent, 'slot');
    claimDirectory(parent, 'slot');
    expect(readdirSync(join(parent, 'slot-1'))).to.deep.equal(['owner']);
    expect(readdirSync(join(parent, 'slot-2'))).to.deep.equal(['owner']);
  });
});
