import type { HistoryOrder, JobTrend } from '../../../protocol/build/history.js';

/* The lists of a job's page: its atoms in several orders, and its builds. */

export type JobList = HistoryOrder | 'builds';

interface ListFacts {
  readonly list: JobList;
  readonly label: string;
  /** Said in place of an empty list. */
  readonly none: string;
}

export const jobLists: readonly ListFacts[] = [
  { list: 'newly_failing', label: 'Newly failing', none: 'No test that has passed before fails now.' },
  { list: 'failing', label: 'Failing', none: 'Each test passed when it ran last.' },
  { list: 'flaky', label: 'Flaky', none: 'No test is flaky in its newest runs.' },
  { list: 'slowest', label: 'Slowest', none: 'No run of a test is kept.' },
  {
    list: 'retry_seconds',
    label: 'Lost to retries',
    none: 'No test was run again on the newest 30 days on which it ran.',
  },
  { list: 'name', label: 'All', none: 'No run of a test is kept.' },
  { list: 'builds', label: 'Builds', none: 'No build of the job is kept.' },
];

type Counts = Pick<JobTrend, 'num_atoms' | 'num_atoms_failing' | 'num_atoms_flaky'>;

/** The list that an address names. Without a name, the first one with something to look at. */
export function chosenList(
  named: string | null,
  { num_atoms: all, num_atoms_failing: failing, num_atoms_flaky: flaky }: Counts,
): ListFacts {
  const lists = { failing, flaky, slowest: all };
  const wanted = named ?? Object.entries(lists).find(([, number]) => number > 0)?.[0];
  const found = jobLists.find(({ list }) => list === wanted) ?? jobLists.at(-1);
  if (found === undefined) {
    throw new Error('A job has no lists.');
  }
  return found;
}

/** How many tests a list has, as far as the job says it. */
export function countOfList(list: JobList, job: JobTrend): number | null {
  const counts: Partial<Record<JobList, number>> = {
    failing: job.num_atoms_failing,
    flaky: job.num_atoms_flaky,
    name: job.num_atoms,
  };
  return counts[list] ?? null;
}

const DAY = 24 * 60 * 60;

/** Seconds that were lost to retries on the days that began less than so many days ago. `now` in seconds since the epoch. */
export function lostSeconds(days: JobTrend['days'], numDays: number, now: number): number {
  const first = now - numDays * DAY;
  return days.reduce(
    (sum, { day, retry_seconds }) => sum + (Date.parse(day) / 1000 > first ? retry_seconds : 0),
    0,
  );
}
