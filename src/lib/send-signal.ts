import { nullOn } from './error-code.js';

/** Sends a signal, or with 0 none; false when there is no such process, or it is another user's. */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  return nullOn(['ESRCH', 'EPERM'], () => process.kill(pid, signal)) ?? false;
}
