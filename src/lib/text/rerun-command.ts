import { masterCommand } from './master-command.js';

/**
 * The command that runs the failed and lost atoms of a build again, from any machine with the secret of the master. null: in a
 * cluster of one command, which that machine starts again.
 */
export function rerunCommand(build: number, masterUrl: string | null): string {
  return masterCommand(`build --rerun-failed ${build}`, masterUrl);
}
