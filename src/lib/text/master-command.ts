import { quoteForShell } from './shell-quote.js';

/** The masters that commands find by themselves, on their own machine. */
const DEFAULT_MASTERS: ReadonlySet<string> = new Set(['http://localhost:43000', 'http://127.0.0.1:43000']);

/** A command for the master with this URL, to be copied into a shell: `words` are quoted already. */
export function masterCommand(words: string, masterUrl: string): string {
  const where = DEFAULT_MASTERS.has(masterUrl) ? '' : ` --master-url ${quoteForShell(masterUrl)}`;
  return `clusterrunner ${words}${where}`;
}
