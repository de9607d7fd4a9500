import type { Clock } from '../../lib/clock.js';
import type { TestCounts } from '../../protocol/results/result-facts.js';
import type { ConsolePipes } from '../console/console-pipes.js';

/**
 * Runs one shell command for many items (atoms), one after another, each in a process group of its own. How the processes
 * are started is the implementation's affair: see createItemRunner.
 */
export interface ItemRunner {
  /**
   * Resolves when nothing of any item lives, but what cannot be ended: with 'completed' when all items have ended, with
   * 'canceled' when the signal of the series was aborted before. A failed item does not keep those after it from running.
   * @throws ClusterRunnerError UNAVAILABLE, PREPARATION_FAILED when this machine cannot start or keep a process
   */
  run(series: Series): Promise<'completed' | 'canceled'>;
  /** Ends the processes that are kept for later series; to be called when no series runs. */
  end(): Promise<void>;
}

export interface ItemRunnerOptions {
  /** Shell text, run once for each item. */
  readonly command: string;
  readonly cwd: string;
  /** The whole environment, but for what items add. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the pipes come from that take what items print. */
  readonly pipes: ConsolePipes;
  readonly clock: Clock;
}

/** The number and value of an atom. */
export interface ItemName {
  readonly id: number;
  /** The atomizer's variable and its value. */
  readonly variable: string;
  readonly value: string;
}

export interface SeriesItem {
  readonly name: ItemName;
  /** The variables of this item, beside the environment of the runner. */
  readonly env: Readonly<Record<string, string>>;
  /** Its ARTIFACT_DIR. Made when it is not there: an earlier item may have removed it. */
  readonly folder: string;
}

export interface Series {
  /** The number of the executor; each runs one series at a time. */
  readonly executor: number;
  readonly items: readonly SeriesItem[];
  /** A file that the runner may write; it is not removed. */
  readonly list: string;
  /** Aborting it ends the running item and all that it started; no other begins. */
  readonly signal: AbortSignal;
  /** An item that runs for longer is ended with all that it started, and the next begins; null: no limit. */
  readonly limitSeconds: number | null;
  /** Between TERM and KILL of what is canceled. */
  readonly graceMs: number;
  /** Between TERM and KILL of what takes too long. */
  readonly limitGraceMs: number;
  onBegin(index: number): void;
  /** stdout and stderr of an item, in order, between its begin and its end; see OutputSink. */
  onOutput(index: number, bytes: Buffer): void;
  onEnd(index: number, end: ItemEnd): void;
}

export interface ItemEnd {
  /** 128 + n when signal n ended it; it says nothing of an item that took too long. */
  readonly exitCode: number;
  readonly seconds: number;
  readonly tookTooLong: boolean;
  /** A remark for the readers of its console. */
  readonly note: string | null;
  /** Counts of tests that the command has reported by itself; absent if it cannot. */
  readonly tests?: TestCounts | null;
}
