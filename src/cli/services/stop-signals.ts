import type { CleanupStack } from '../../lib/async/cleanup-stack.js';
import { deferred } from '../../lib/async/deferred.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { exitCode } from '../exit-codes.js';

type OnSignal = (signal: NodeJS.Signals) => void;

/** Resolves at the first signal that asks this process to end; a second one ends it at once. */
export function untilStopped(): Promise<NodeJS.Signals> {
  const { promise, resolve } = deferred<NodeJS.Signals>();
  onStopSignals([resolve, endNow]);
  return promise;
}

/** Resolve at the first and second signal, for a process that needs two steps to end; a third ends it at once. */
export function untilStoppedTwice(): [first: Promise<NodeJS.Signals>, second: Promise<NodeJS.Signals>] {
  const [first, second] = [deferred<NodeJS.Signals>(), deferred<NodeJS.Signals>()];
  onStopSignals([first.resolve, second.resolve, endNow]);
  return [first.promise, second.promise];
}

/** Aborted at the first signal; at a second one the process ends at once, after `onLeave` (which cannot wait). */
export function abortOnStop(cleanup: CleanupStack, onLeave?: () => void): AbortSignal {
  const controller = new AbortController();
  const interrupt = () => controller.abort(new ClusterRunnerError('USAGE', 'Interrupted.'));
  const leave = () => {
    onLeave?.();
    process.exit(exitCode.interrupted);
  };
  cleanup.add(onStopSignals([interrupt, leave]));
  return controller.signal;
}

/** Calls one after another at SIGINT and SIGTERM, the last one at all that follow. @returns how to stop that */
function onStopSignals(handlers: readonly OnSignal[]): () => void {
  let count = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    handlers[Math.min(count, handlers.length - 1)]?.(signal);
    count += 1;
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return () => {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  };
}

/** Ends as shells expect it of a process that a signal has ended. */
function endNow(signal: NodeJS.Signals): never {
  process.exit(signal === 'SIGINT' ? exitCode.interrupted : 143);
}
