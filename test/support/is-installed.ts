import { spawnSync } from 'node:child_process';

/** Whether a program of this name can be started. */
export function isInstalled(program: string): boolean {
  const { error } = spawnSync(program, ['--version'], { stdio: 'ignore', timeout: 10_000 });
  return !(error !== undefined && 'code' in error && error.code === 'ENOENT');
}
