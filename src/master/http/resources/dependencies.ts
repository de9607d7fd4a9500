import type { MasterSettings } from '../../../config/schema.js';
import type { Clock } from '../../../lib/clock.js';
import type { MasterReading, MasterService, Page } from '../../state/master-api.js';
import type { Turns } from '../limits/turns.js';
import type { ListQuery } from '../response/list-response.js';

export interface HandlerDependencies {
  readonly service: MasterService;
  readonly reading: MasterReading;
  readonly clock: Clock;
  readonly version: string;
  /** Whether the master is that of one command, and ends with its build. */
  readonly endsWithBuild?: boolean;
  readonly temporaryDirectory: string;
  readonly settings: MasterSettings;
  /** For work that blocks the process for some milliseconds. */
  readonly turns: Turns;
}

/** Validation has filled in the declared defaults, which the types do not know. */
export function pageOf(query: { offset?: number; limit?: number }): Page {
  return { offset: query.offset ?? 0, limit: query.limit ?? 100 };
}

/** All rows unless a limit is given. */
export function listQueryOf(query: { offset?: number; limit?: number }): ListQuery {
  return { offset: query.offset ?? 0, limit: query.limit ?? null };
}
