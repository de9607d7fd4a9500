import type { Job, JobAtom } from '../../protocol/build/history.js';
import { parseNumber, printJson, type ReaderOptions, withClient } from '../client-command.js';
import { findJobOfUser } from './find-job.js';
import { jobAtomsTable, RUNS_SHOWN } from './history-tables.js';
import { RUN_LEGEND } from './run-marks.js';

export interface HistoryOptions extends ReaderOptions {
  readonly limit?: string;
}

export const DEFAULT_ROWS = 20;
export const NO_HISTORY = 'No build has ended yet, so there is no history.\n';

interface AtomsList {
  readonly sort: 'flaky' | 'slowest';
  /** The sentence for a job without such atoms. */
  readonly none: (job: Job) => string;
}

/** Prints the first atoms of a job in one of the orders of its history. */
export async function listAtomsOfJob(
  wanted: string | undefined,
  options: HistoryOptions,
  { sort, none }: AtomsList,
): Promise<void> {
  const limit = parseNumber(options.limit ?? String(DEFAULT_ROWS), 'atoms to show', 1);
  const found = await withClient(sort, options, async (client) => {
    const job = await findJobOfUser(client, wanted);
    return job === null ? null : { job, ...(await client.listJobAtoms(job.id, { sort, limit })) };
  });
  if (options.json) {
    const { job, atoms, total } = found ?? { job: null, atoms: [], total: 0 };
    printJson({ job, atoms, total });
  } else if (found === null) {
    process.stdout.write(NO_HISTORY);
  } else {
    process.stdout.write(
      found.atoms.length === 0
        ? `${none(found.job)}\n`
        : `${atomsText(found.job, found.atoms)}\n${moreText(found.total - found.atoms.length)}`,
    );
  }
}

function atomsText(job: Job, atoms: readonly JobAtom[]): string {
  return [
    jobAtomsTable(atoms, job),
    '',
    `LAST has the newest ${RUNS_SHOWN} runs, oldest first: ${RUN_LEGEND}.`,
  ].join('\n');
}

/** A line about rows that are not shown; empty when there are none. */
export function moreText(count: number): string {
  return count <= 0 ? '' : `${count} more ${count === 1 ? 'is' : 'are'} not shown; --limit shows more.\n`;
}
