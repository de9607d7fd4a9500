import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MAX_REPORT_BYTES, ReportReader } from '../../junit/report-reader.js';
import { type FileSource, openFileSource, readFileSource, unreadableReason } from '../archive/file-source.js';
import type { AtomMatcher } from './atom-matcher.js';
import type { BatchFindings } from './batch-verdicts.js';
import { FindingsSink } from './findings-sink.js';

/** All reports of a batch together. */
const MAX_BYTES = 2 * MAX_REPORT_BYTES;
/** Names of files and folders in the folder of a batch. */
const MAX_NAMES = 20_000;

interface ReadReport {
  readonly path: string;
  /** The number of its top-level suites. */
  readonly suites: number;
}

export interface BatchReports {
  readonly findings: BatchFindings;
  /** Text for the console of each atom. */
  readonly texts: readonly string[];
  readonly reports: readonly ReadReport[];
}

/**
 * Reads the JUnit reports that a batch has left in its folder. `since`: when the folder was made, in milliseconds by the clock of
 * its file system; an older report is of another run. Links are not followed.
 */
export async function readBatchReports(
  folder: string,
  since: number,
  matcher: AtomMatcher,
  atoms: number,
): Promise<BatchReports> {
  const sink = new FindingsSink(matcher, atoms);
  const reports: ReadReport[] = [];
  const { names, problem: hidden } = reportNames(folder);
  let problem = hidden;
  let bytes = 0;
  for (const name of names) {
    const path = join(folder, name);
    const source = openedReport(path);
    if (typeof source === 'string') {
      problem ??= `The report ${JSON.stringify(name)} of the batch was not read: ${source}.`;
      continue;
    }
    bytes += source.stats.size;
    const isOld = source.stats.mtimeMs < since;
    const reader = new ReportReader(isOld ? null : sink);
    for await (const chunk of readFileSource(source, () => undefined)) {
      if (!reader.isOver && bytes <= MAX_BYTES) {
        reader.push(chunk);
      }
    }
    const outcome = reader.end();
    if (bytes > MAX_BYTES) {
      problem ??= `The reports of the batch are larger than ${MAX_BYTES / 1024 ** 2} MiB together.`;
    } else if (outcome.kind === 'bad') {
      problem ??= `The report ${JSON.stringify(name)} of the batch is not readable: ${outcome.reason}.`;
    } else if (outcome.kind === 'report') {
      problem ??= isOld ? `The report ${JSON.stringify(name)} was written before the batch began.` : null;
      reports.push({ path, suites: isOld ? 0 : outcome.suites });
    }
  }
  const { texts, strayFailures } = sink;
  return { findings: { atoms: sink.atoms, strayFailures, problem }, texts, reports };
}

/** Relative names of files that may be reports, in the order of their names, and why there may be others. */
function reportNames(folder: string): { readonly names: readonly string[]; readonly problem: string | null } {
  const names: string[] = [];
  const folders = [''];
  let problem: string | null = null;
  let seen = 0;
  for (let inside = folders.pop(); inside !== undefined; inside = folders.pop()) {
    let entries: Dirent[] = [];
    try {
      entries = readdirSync(join(folder, inside), { withFileTypes: true });
    } catch (error) {
      const reason = unreadableReason(error);
      if (reason === null) {
        throw error;
      }
      problem ??= `The folder ${JSON.stringify(inside)} of the batch was not searched for reports: ${reason}.`;
    }
    seen += entries.length;
    if (seen > MAX_NAMES) {
      return {
        names: [],
        problem: `The batch left more than ${MAX_NAMES} files, which were not searched for reports.`,
      };
    }
    for (const entry of entries) {
      const name = join(inside, entry.name);
      if (entry.isDirectory()) {
        folders.push(name);
      } else if (entry.isFile() && /\.xml$/i.test(name)) {
        names.push(name);
      }
    }
  }
  return { names: names.sort(), problem };
}

/** Or why it cannot be opened, as the end of a sentence. */
function openedReport(path: string): FileSource | string {
  try {
    return openFileSource(path) ?? 'it is no file any more';
  } catch (error) {
    const reason = unreadableReason(error);
    if (reason === null) {
      throw error;
    }
    return reason;
  }
}
