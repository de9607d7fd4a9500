import { hasNoRuns, type RecordedJob } from '../without-atoms.js';
import { percentText } from './percent-text.js';

interface RatedJob extends RecordedJob {
  /** From 0 to 1; null when no build counts. */
  readonly pass_rate: number | null;
}

/** How often a job passes, for a table: `83 %`, or `no runs` where no atom has run; null when it is not known. */
export function passRateText(job: RatedJob): string | null {
  if (job.pass_rate === null) {
    return null;
  }
  return hasNoRuns(job) ? 'no runs' : percentText(job.pass_rate);
}

/** The same for a sentence: `83 % of the newest passed`. */
export function passRateFact(job: RatedJob): string | null {
  const rate = passRateText(job);
  if (rate === null) {
    return null;
  }
  return hasNoRuns(job) ? 'no run of an atom is recorded' : `${rate} of the newest passed`;
}
