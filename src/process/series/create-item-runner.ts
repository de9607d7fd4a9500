import { execa } from 'execa';
import { containment } from '../containment/containment.js';
import { WorkerPool } from '../worker/worker-pool.js';
import type { JobWorker } from '../worker/worker-runner.js';
import type { ItemRunner, ItemRunnerOptions } from './item-runner.js';
import { ShellPerItem } from './shell-per-item.js';
import { ShellPool } from './shell-pool.js';

/**
 * With a `worker`, items are handed to it. A system that does not show which process has started which cannot end what an item
 * leaves behind and spare the worker; there the command is run as without.
 *
 * With `reusesShells`, and where there is a bash that can do it, items are started by a shell that is kept, which is much
 * faster: see series-script.ts. Otherwise each item gets a new shell, which rules out that one item affects the next through
 * its shell.
 */
export async function createItemRunner(
  options: ItemRunnerOptions & { readonly reusesShells: boolean; readonly worker: JobWorker | null },
): Promise<ItemRunner> {
  const { worker } = options;
  if (worker !== null) {
    if ((await containment()).kind !== 'group') {
      return new WorkerPool(worker, options);
    }
    worker.warn('This system shows no ancestry of processes, so the commands are run instead of the worker.');
  }
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
