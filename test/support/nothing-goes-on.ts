import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { eventually } from './wait.js';

/** Of Node's names for what keeps a process alive: programs, servers, connections, watched files, ports. */
const KINDS: ReadonlySet<string> = new Set([
  'FSEventWrap',
  'MessagePort',
  'ProcessWrap',
  'StatWatcher',
  'TCPServerWrap',
  'TCPSocketWrap',
  'TLSWrap',
]);

/** Mocha's own, which it sets when it has called the hook that asks. */
const TIMERS = 1;

function goingOn(): string[] {
  const kinds = process.getActiveResourcesInfo();
  const timers = kinds.filter((kind) => kind === 'Timeout');
  return [...kinds.filter((kind) => KINDS.has(kind)), ...timers.slice(TIMERS)];
}

/**
 * Mocha loads this before the tests: whatever they start they must end. A mocha that runs all files in one process would
 * not end itself otherwise; one with workers ends these, so it is asked after each file.
 */
export const mochaHooks = {
  async afterAll(this: Mocha.Context): Promise<void> {
    const files = this.test?.parent?.suites.map(({ file }) => file);
    await yieldToEventLoop();
    await eventually(
      'nothing that the tests have started went on',
      () => goingOn().length === 0,
      () => ({ goingOn: goingOn(), files }),
    );
  },
};
