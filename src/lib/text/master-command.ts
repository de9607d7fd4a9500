import { quoteForShell } from './shell-quote.js';

/** The masters that commands find by themselves, on their own machine. */
const DEFAULT_MASTERS: ReadonlySet<string> = new Set(['http://localhost:43000', 'http://127.0.0.1:43000']);

/**
 * A command for the master with this URL, to be copied into a shell: `words` are quoted already. null: for one that the command
 * finds or starts by itself.
 */
export function masterCommand(words: string, masterUrl: string | null): string {
  const where =
    masterUrl === null || DEFAULT_MASTERS.has(masterUrl) ? '' : ` --master-url ${quoteForShell(masterUrl)}`;
  return `clusterrunner ${words}${where}`;
}
