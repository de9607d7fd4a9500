import { execa } from 'execa';
import type { ItemRunner, ItemRunnerOptions } from './item-runner.js';
import { ShellPerItem } from './shell-per-item.js';
import { ShellPool } from './shell-pool.js';

/**
 * With `reusesShells`, and where there is a bash that can do it, items are started by a shell that is kept, which is much
 * faster: see batch-script.ts. Otherwise each item gets a new shell, which rules out that one item affects the next through
 * its shell.
 */
export async function createItemRunner(
  options: ItemRunnerOptions & { readonly reusesShells: boolean },
): Promise<ItemRunner> {
  return options.reusesShells && (await canReuseShells())
    ? new ShellPool(options)
    : new ShellPerItem(options);
}

let found: Promise<boolean> | null = null;

/** Whether this machine has bash 5 or later. */
function canReuseShells(): Promise<boolean> {
  found ??= (async () => {
    const { exitCode, stdout } = await execa('bash', ['-c', 'echo $BASH_VERSINFO'], { reject: false });
    return exitCode === 0 && Number(stdout) >= 5;
  })();
  return found;
}
