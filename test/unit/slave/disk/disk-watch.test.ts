import { tmpdir } from 'node:os';
import { expect } from 'chai';
import { freeDiskBytes } from '../../../../src/lib/fs/free-space.js';
import { applyDiskPressure } from '../../../../src/slave/disk/disk-watch.js';

const capacity = { free_executors: 3, leases: [], builds: [] };

describe('the free disk of a slave', () => {
  it('is read from the file system, and unknown where that does not tell', () => {
    expect(freeDiskBytes(tmpdir())).to.be.a('number');
    expect(freeDiskBytes('/no such folder')).to.equal(null);
  });

  it('is reported to the master', () => {
    expect(applyDiskPressure(capacity, 600 * 1024 ** 2, '/root')).to.deep.equal({
      ...capacity,
      free_disk_bytes: 600 * 1024 ** 2,
    });
    expect(applyDiskPressure(capacity, null, '/root')).to.equal(capacity);
  });

  it('pauses the slave, with the reason, when there is too little', () => {
    expect(applyDiskPressure(capacity, 100 * 1024 ** 2, '/root')).to.deep.equal({
      ...capacity,
      free_executors: 0,
      ahead: 0,
      free_disk_bytes: 100 * 1024 ** 2,
      paused: 'Only 100 MiB are free in /root; free at least 512 MiB there.',
    });
  });
});
