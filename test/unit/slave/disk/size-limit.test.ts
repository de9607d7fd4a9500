import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../../src/lib/clock.js';
import { SizeLimit } from '../../../../src/slave/disk/size-limit.js';
import { eventually } from '../../../support/wait.js';

describe('SizeLimit', () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'clusterrunner-size-'));
    path = join(directory, 'output');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('aborts while the file grows, as soon as it is too large', async () => {
    const limit = new SizeLimit(path, 100, systemClock, new AbortController().signal);
    expect(await limit.isExceeded()).to.equal(false);
    appendFileSync(path, 'x'.repeat(100));
    expect(await limit.isExceeded()).to.equal(false);
    appendFileSync(path, 'x');
    await eventually('it is noticed', () => limit.signal.aborted);
    expect(await limit.isExceeded()).to.equal(true);
    limit.end();
  });

  it('is aborted with the other signal', () => {
    const other = new AbortController();
    const limit = new SizeLimit(path, 100, systemClock, other.signal);
    other.abort();
    expect(limit.signal.aborted).to.equal(true);
    limit.end();
  });
});
