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

const goingOn = () => process.getActiveResourcesInfo().filter((kind) => KINDS.has(kind));

/**
 * Mocha loads this before the tests: whatever they start they must end. A mocha that runs all files in one process would
 * not end itself otherwise; one with workers ends these, so it is asked after each file. Timers that run out are not
 * counted.
 */
export const mochaHooks = {
  async afterAll(): Promise<void> {
    await eventually('nothing that the tests have started went on', () => goingOn().length === 0, goingOn);
  },
};
