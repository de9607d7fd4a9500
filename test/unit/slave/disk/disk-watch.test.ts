import { tmpdir } from 'node:os';
import { expect } from 'chai';
import { freeDiskBytes } from '../../../../src/lib/fs/free-space.js';
import { applyDiskPressure } from '../../../../src/slave/disk/disk-watch.js';

const standing = { free_executors: 3, leases: [], builds: [] };

describe('the free disk of a slave', () => {
  it('is asked of the file system, and unknown where there is none', () => {
    expect(freeDiskBytes(tmpdir())).to.be.a('number');
    expect(freeDiskBytes('/no such folder')).to.equal(null);
  });

  it('is told to the master', () => {
    expect(applyDiskPressure(standing, 600 * 1024 ** 2, '/root')).to.deep.equal({
      ...standing,
      free_disk_bytes: 600 * 1024 ** 2,
    });
    expect(applyDiskPressure(standing, null, '/root')).to.equal(standing);
  });

  it('pauses the slave, with the reason, when there is too little', () => {
    expect(applyDiskPressure(standing, 100 * 1024 ** 2, '/root')).to.deep.equal({
      ...standing,
      free_executors: 0,
      ahead: 0,
      free_disk_bytes: 100 * 1024 ** 2,
      paused: 'Only 100 MiB are free in /root; make room there, at least 512 MiB.',
    });
  });
});
