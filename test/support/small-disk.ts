import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk {
  readonly path: string;
  unmount(): void;
}

/** A file system of `mib` MiB in memory. null if this user may not mount one; the test must then skip. */
export function mountSmallDisk(mib: number): SmallDisk | null {
  const path = mkdtempSync(join(tmpdir(), 'clusterrunner-small-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', path]);
  if (status !== 0) {
    process.stdout.write('      (skipped: mounting a small tmpfs needs root)\n');
    rmdirSync(path);
    return null;
  }
  return {
    path,
    unmount() {
      spawnSync('umount', ['-l', path]);
      rmdirSync(path);
    },
  };
}
