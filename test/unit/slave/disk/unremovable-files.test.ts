import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { clearPlace } from '../../../../src/lib/fs/set-aside.js';
import { createLogger } from '../../../../src/lib/logger.js';
import { UnremovableFiles } from '../../../../src/slave/disk/unremovable-files.js';
import { failureOf } from '../../../support/failure-of.js';
import { makeImmutable, makeMutable } from '../../../support/immutable.js';
import { ManualClock } from '../../../support/manual-clock.js';

const capacity: Parameters<UnremovableFiles['applyTo']>[0] = {
  free_executors: 2,
  ahead: 1,
  leases: [],
  builds: [],
};

describe('UnremovableFiles', () => {
  let root: string;
  let clock: ManualClock;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'unremovable-'));
    clock = new ManualClock();
  });
  afterEach(() => {
    makeMutable(root);
    rmSync(root, { recursive: true });
  });

  const watch = () =>
    new UnremovableFiles(root, clock, () => 0, createLogger({ level: 'silent', name: 'test' }));

  /** Makes a folder, removes it, and has a file of it stay; false where no file can. */
  async function leave(unremovable: UnremovableFiles, name: string): Promise<boolean> {
    mkdirSync(join(root, name));
    writeFileSync(join(root, name, 'goes'), '');
    writeFileSync(join(root, name, 'stays'), '');
    const canStay = makeImmutable(join(root, name, 'stays'));
    await unremovable.clear(join(root, name));
    return canStay;
  }

  it('sets aside what cannot be removed, counts it, and reports it to the master', async function () {
    const unremovable = watch();
    expect(unremovable.applyTo(capacity)).to.deep.equal(capacity);
    if (!(await leave(unremovable, 'one')) || !(await leave(unremovable, 'two'))) {
      // It takes root, and a file system that knows immutable files.
      this.skip();
    }
    expect(readdirSync(root)).to.deep.equal(['unremovable']);
    expect(unremovable.applyTo(capacity)).to.deep.equal({ ...capacity, num_unremovable: 2 });
    expect(watch().count).to.equal(2);
  });

  it('tries again to remove it when a build ends after some time, and at the start', async function () {
    const unremovable = watch();
    if (!(await leave(unremovable, 'one'))) {
      this.skip();
    }
    makeMutable(root);
    await unremovable.refresh();
    expect(unremovable.count).to.equal(1);
    clock.advance(20 * 60_000);
    await unremovable.refresh();
    expect(unremovable.count).to.equal(0);
  });

  it('makes the slave take no more work when there is too much of it', () => {
    mkdirSync(join(root, 'unremovable'));
    for (let number = 0; number < 1000; number += 1) {
      writeFileSync(join(root, 'unremovable', String(number)), '');
    }
    const said = watch().applyTo(capacity);
    expect(said).to.include({ free_executors: 0, ahead: 0, num_unremovable: 1000 });
    expect(said.paused).to.contain(join(root, 'unremovable'));
  });

  it('does not follow a link in the place of its folder', async () => {
    mkdirSync(join(root, 'private'));
    writeFileSync(join(root, 'private/file'), '');
    symlinkSync('private', join(root, 'unremovable'));
    const unremovable = watch();
    await unremovable.retry();
    expect(unremovable.count).to.equal(0);
    expect(readdirSync(join(root, 'private'))).to.deep.equal(['file']);
  });

  it('leaves in its place what cannot be moved either, and says so', async function () {
    mkdirSync(join(root, 'one'));
    if (!makeImmutable(join(root, 'one'))) {
      this.skip();
    }
    const error = await failureOf(clearPlace(root, join(root, 'one')));
    expect(error).to.have.property('message').that.contains('cannot be moved aside either');
    await watch().clear(join(root, 'one'));
    expect(readdirSync(root)).to.include('one');
  });
});
