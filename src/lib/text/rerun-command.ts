import { masterCommand } from './master-command.js';

/** The command that runs the failed and lost atoms of a build again, from any machine with the secret of the master. */
export function rerunCommand(build: number, masterUrl: string): string {
  return masterCommand(`build --rerun-failed ${build}`, masterUrl);
}
