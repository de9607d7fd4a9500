import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { eventually } from './wait.js';

/** Names of Node for resources that keep a process alive: programs, servers, connections, watched files, ports. */
const KINDS: ReadonlySet<string> = new Set([
  'FSEventWrap',
  'MessagePort',
  'ProcessWrap',
  'StatWatcher',
  'TCPServerWrap',
  'TCPSocketWrap',
  'TLSWrap',
]);

/** Mocha's own timeout, which is set when it has called this hook. */
const TIMERS = 1;

/** Left by earlier files, when one process of mocha runs several: only the file that leaks them fails. */
let leakedBefore: readonly string[] = [];

function activeResources(): string[] {
  const kinds = process.getActiveResourcesInfo();
  const timers = kinds.filter((kind) => kind === 'Timeout');
  return [...kinds.filter((kind) => KINDS.has(kind)), ...timers.slice(TIMERS)];
}

/** Those that were not left by files before. */
function leaked(): string[] {
  const rest = [...leakedBefore];
  return activeResources().filter((kind) => {
    const known = rest.indexOf(kind);
    if (known >= 0) {
      rest.splice(known, 1);
    }
    return known < 0;
  });
}

/**
 * Mocha loads this before the tests, which must end everything that they start. Otherwise a mocha that runs all
 * files in one process would not end; workers are ended by force, so the check runs after each file.
 */
export const mochaHooks = {
  async afterAll(this: Mocha.Context): Promise<void> {
    const files = this.test?.parent?.suites.map(({ file }) => file);
    await yieldToEventLoop();
    try {
      await eventually(
        'everything that the tests have started has ended',
        () => leaked().length === 0,
        () => ({ activeResources: leaked(), files }),
      );
    } finally {
      leakedBefore = activeResources();
    }
  },
};
