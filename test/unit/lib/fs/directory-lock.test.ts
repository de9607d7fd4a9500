import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { lockFreeDirectory } from '../../../../src/lib/fs/directory-lock.js';
import { eventually } from '../../../support/wait.js';

describe('a directory lock', () => {
  let parent: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'claim-'));
  });
  afterEach(() => rmSync(parent, { recursive: true }));

  it('has one holder at a time, and keeps the contents of the directory after its release', () => {
    const first = lockFreeDirectory(parent, 'slot');
    const second = lockFreeDirectory(parent, 'slot');
    expect([first.path, second.path]).to.deep.equal([join(parent, 'slot-1'), join(parent, 'slot-2')]);
    writeFileSync(join(first.path, 'kept'), '');
    first.release();
    const third = lockFreeDirectory(parent, 'slot');
    expect(third.path).to.equal(first.path);
    expect(existsSync(join(third.path, 'kept'))).to.equal(true);
  });

  it('is taken over from a process that has ended', () => {
    mkdirSync(join(parent, 'slot-1'));
    writeFileSync(join(parent, 'slot-1', 'owner'), '4194304 1');
    expect(lockFreeDirectory(parent, 'slot').path).to.equal(join(parent, 'slot-1'));
  });

  it('is taken over when another process has the id of its holder', () => {
    mkdirSync(join(parent, 'slot-1'));
    writeFileSync(join(parent, 'slot-1', 'owner'), `${process.pid} 1`);
    expect(lockFreeDirectory(parent, 'slot').path).to.equal(join(parent, 'slot-1'));
  });

  it('is taken over from a zombie process', async function () {
    if (!existsSync('/proc/self/stat')) {
      this.skip();
    }
    // `tail` replaces the shell, and does not reap its child.
    const unaware = spawn('sh', ['-c', 'sleep 600 & echo $!; exec tail -f /dev/null'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      const [said] = await once(unaware.stdout, 'data');
      const dead = Number(String(said));
      const stat = (pid: number | undefined) => readFileSync(`/proc/${pid}/stat`, 'utf8');
      await eventually(
        'the shell is gone',
        () => stat(unaware.pid).includes('(tail)'),
        () => '',
      );
      process.kill(dead, 'SIGKILL');
      const fields = () => stat(dead).split(') ')[1]?.split(' ') ?? [];
      await eventually(
        'it is dead',
        () => fields()[0] === 'Z',
        () => '',
      );
      mkdirSync(join(parent, 'slot-1'));
      writeFileSync(join(parent, 'slot-1', 'owner'), `${dead} ${fields()[19]}`);
      expect(lockFreeDirectory(parent, 'slot').path).to.equal(join(parent, 'slot-1'));
    } finally {
      unaware.kill('SIGKILL');
    }
  });

  it('leaves no file but the lock itself', () => {
    lockFreeDirectory(parent, 'slot');
    lockFreeDirectory(parent, 'slot');
    expect(readdirSync(join(parent, 'slot-1'))).to.deep.equal(['owner']);
    expect(readdirSync(join(parent, 'slot-2'))).to.deep.equal(['owner']);
  });
});
