import type { Clock } from '../../lib/clock.js';
import type { ItemRunner } from '../../process/series/item-runner.js';
import type { Progress, RunAssignment } from '../../protocol/slave/slave-messages.js';
import type { SubjobConsoles } from '../console/subjob-consoles.js';
import type { LeaseTimes } from './lease-times.js';

export type AtomProgress = Progress['atoms'][number];

/** Everything that is needed to run the atoms of a subjob. */
export interface SubjobRun {
  readonly assignment: RunAssignment;
  readonly projectDirectory: string;
  /** Has the commands of the assignment's job. */
  readonly runner: ItemRunner;
  /** Where what atoms print is kept. */
  readonly consoles: SubjobConsoles;
  readonly executorIndex: number;
  /** Will hold a folder for each atom; must not exist. */
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly times: LeaseTimes;
  /** Called when an atom begins, and when it has ended and its console is complete. */
  onProgress(progress: AtomProgress): void;
}
