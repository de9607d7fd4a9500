import { messageOf } from '../protocol/errors.js';
import { exitCode } from './exit-codes.js';

/** Commands that go on without a reader of their output, since their work and exit code count. */
const GO_ON = new Set(['build', 'master', 'slave']);

/**
 * Handles a stdout that cannot be written: its reader has ended (`| head`), or the disk is full. A command that only shows
 * something ends then; the others go on silently.
 */
export function exitOnBrokenPipe(command: string | undefined): void {
  const goesOn = command !== undefined && GO_ON.has(command);
  let isSaid = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    const isClosed = error.code === 'EPIPE';
    if (!isClosed && !isSaid) {
      isSaid = true;
      process.stderr.write(`clusterrunner: The output cannot be written: ${messageOf(error)}.\n`);
    }
    if (!goesOn) {
      process.exit(isClosed ? exitCode.success : exitCode.couldNotRun);
    }
  });
  // There is nowhere left to report it.
  process.stderr.on('error', () => undefined);
}
