import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../../src/lib/clock.js';
import { findPackageJSON } from '../../../../src/lib/package-json.js';
import { lockFolder } from '../../../../src/slave/build/folder-lock.js';
import { eventually } from '../../../support/wait.js';

const fixtures = join(dirname(findPackageJSON(import.meta.url)), 'test/fixtures/commands');

describe('the lock on a folder', () => {
  let folder: string;
  let waits: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lock-'));
    waits = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const lock = (holder: string, signal = new AbortController().signal) =>
    lockFolder(folder, { holder, signal, clock: systemClock, onWait: (by) => waits.push(by) });

  it('has one holder at a time, and names it once to each waiter', async () => {
    const events: string[] = [];
    const unlock = await lock('first');
    const second = lock('second').then(async (give) => {
      events.push('second has it');
      await give();
    });
    await eventually('it waits', () => waits.length > 0);
    events.push('first gives it up');
    await unlock();
    await second;
    expect(events).to.deep.equal(['first gives it up', 'second has it']);
    expect(waits).to.deep.equal(['first']);
  });

  it('is released when its process is killed', async () => {
    const holder = spawn(process.execPath, [join(fixtures, 'locks-folder.mjs'), folder], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(holder.stdout, 'data');
    const waiting = lock('me');
    await eventually('it waits', () => waits.length > 0);
    expect(waits).to.deep.equal([`process ${holder.pid}`]);
    holder.kill('SIGKILL');
    const unlock = await waiting;
    await unlock();
  });

  it('stops waiting when the signal is aborted', async () => {
    const unlock = await lock('first');
    const cancel = new AbortController();
    const waiting = lock('second', cancel.signal).catch((error: unknown) => error);
    await eventually('it waits', () => waits.length > 0);
    cancel.abort(new Error('not needed any more'));
    expect(await waiting).to.be.instanceOf(Error);
    await unlock();
  });

  it('is independent of the lock on another folder', async () => {
    const unlock = await lock('first');
    const other = mkdtempSync(join(tmpdir(), 'lock-'));
    const unlockOther = await lockFolder(other, {
      holder: 'second',
      signal: new AbortController().signal,
      clock: systemClock,
      onWait: () => expect.fail('it waited'),
    });
    await unlockOther();
    await unlock();
    rmSync(other, { recursive: true });
  });
});
