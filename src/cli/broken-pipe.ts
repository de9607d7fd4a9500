import { messageOf } from '../protocol/errors.js';
import { exitCode } from './exit-codes.js';

/** Their work and their exit code count, whether anybody reads what they say or not. */
const GO_ON = new Set(['build', 'master', 'slave']);

/**
 * Whoever reads stdout may go away (`| head`), and a file may be full. A command that only shows something ends then;
 * the others go on in silence.
 */
export function exitOnBrokenPipe(command: string | undefined): void {
  const goesOn = command !== undefined && GO_ON.has(command);
  let isSaid = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    const isClosed = error.code === 'EPIPE';
    if (!isClosed && !isSaid) {
      isSaid = true;
      process.stderr.write(`clusterrunner: What there is to say cannot be written: ${messageOf(error)}.\n`);
    }
    if (!goesOn) {
      process.exit(isClosed ? exitCode.success : exitCode.couldNotRun);
    }
  });
  // Nobody is left to be told.
  process.stderr.on('error', () => undefined);
}
