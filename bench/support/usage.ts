import { readFileSync } from 'node:fs';

/** Resource usage of a process so far, as Linux counts it. */
export interface ProcessUsage {
  /** In user and system mode, all threads. */
  readonly cpuSeconds: number;
  readonly rssMib: number;
  /** Peak memory. */
  readonly peakRssMib: number;
}

/** Linux shows times in ticks of a hundredth of a second, independent of the kernel's timer. */
const TICKS_PER_SECOND = 100;

/** Reads /proc, see proc(5). @throws Error when there is no such process */
export function usageOf(pid: number): ProcessUsage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, in parentheses, may hold anything; utime and stime are the 12th and 13th field after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    rssMib: mib(status, 'VmRSS'),
    peakRssMib: mib(status, 'VmHWM'),
  };
}

function mib(status: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (found === undefined) {
    throw new Error(`/proc shows no ${name}.`);
  }
  return Number(found) / 1024;
}
