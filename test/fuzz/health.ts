import { readdirSync, readFileSync } from 'node:fs';

/** Resource usage of a process on Linux. */
export interface Health {
  readonly residentMiB: number;
  readonly openFiles: number;
}

/** null if the system has no /proc. @throws the file system's error when the process is gone */
export function healthOf(pid: number): Health | null {
  if (process.platform !== 'linux') {
    return null;
  }
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  return { residentMiB: kilobytes / 1024, openFiles: readdirSync(`/proc/${pid}/fd`).length };
}
