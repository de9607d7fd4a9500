import type { CleanupStack } from '../../lib/async/cleanup-stack.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { exitCode } from '../exit-codes.js';

/** An abort on the first Ctrl-C or SIGTERM; on the second the process ends at once, after `onLeave` (which cannot wait). */
export function interruptions(cleanup: CleanupStack, onLeave?: () => void): AbortSignal {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) {
      onLeave?.();
      process.exit(exitCode.interrupted);
    }
    controller.abort(new ClusterRunnerError('USAGE', 'Interrupted.'));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  cleanup.add(() => {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  });
  return controller.signal;
}
