import { type BuildFacts, workerEnvironment } from '../../job/command-environment.js';
import { shellText } from '../../job/shell-text.js';
import { inPackage } from '../../lib/package-json.js';
import type { JobWorker } from '../../process/worker/worker-runner.js';
import type { JobDefinition } from '../../protocol/build/job.js';

export interface WorkerContext {
  readonly facts: BuildFacts;
  /** See BuildContext. */
  readonly inherited: Readonly<Record<string, string>>;
  /** Called with a sentence about a worker that no atom is affected by. */
  warn(message: string): void;
}

/** How the workers of a job are started; null for a job without. */
export function workerOptions(definition: JobDefinition, context: WorkerContext): JobWorker | null {
  const { worker, recycle_after } = definition;
  if (worker === undefined) {
    return null;
  }
  const { facts, inherited, warn } = context;
  const workers = inPackage('workers');
  return {
    command: shellText(worker),
    env: (executor) => ({ ...inherited, ...workerEnvironment(facts, executor, workers) }),
    recycleAfter: recycle_after ?? null,
    warn,
  };
}
