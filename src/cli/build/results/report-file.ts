import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { findPackageJSON } from '../../../lib/package-json.js';
import { cleanLine, stripControlChars } from '../../../lib/text/strip-control-chars.js';
import type { Build } from '../../../protocol/build/build.js';
import type { AtomOutcome } from '../../../protocol/build/work.js';
import type { ReportData } from '../../../protocol/report-data.js';
import type { ReportAtomList } from './report-atoms.js';
import { reportFailures } from './report-failures.js';

/** The name of the report in the folder of the results. */
export const REPORT = 'report.html';

/** The data of a report after compression, as text. With the page, a report has less than 10 MiB. */
const MAX_DATA_CHARS = 9.5 * 1024 ** 2;
/** The place of the data in the page that `scripts/dashboard.mjs` builds. */
const DATA_PLACE = '{{data}}';
/** Atoms that somebody looks for, when not all of them fit. */
const TROUBLED: ReadonlySet<AtomOutcome | null> = new Set(['FAILED', 'LOST', 'INTERRUPTED']);

const compress = promisify(gzip);

/**
 * Writes one page with the results of a build beside the folders of its atoms, which needs no other file and no master.
 * @param atoms all of the build
 * @throws the file system's error
 */
export async function writeReport(build: Build, atoms: ReportAtomList, directory: string): Promise<void> {
  const template = readFileSync(
    join(dirname(findPackageJSON(import.meta.url)), 'dist', 'dashboard', REPORT),
    'utf8',
  );
  const [before = '', after = ''] = template.split(DATA_PLACE);
  const data = await fittingData(build, atoms, directory, MAX_DATA_CHARS);
  await writeFile(join(directory, REPORT), before + data + after);
}

/**
 * The data of a report as text in base64, which cannot end the element that holds it. Atoms that passed are left out first when
 * all do not fit into `most` characters.
 */
export async function fittingData(
  build: Build,
  atoms: ReportAtomList,
  directory: string,
  most: number,
): Promise<string> {
  const { failures, numGroups } = reportFailures(build, directory);
  const notes =
    numGroups > failures.length
      ? [
          `${failures.length} of ${numGroups} groups of failures are shown; failures.txt names all failed atoms.`,
        ]
      : [];
  const data = (selected: ReportData['atoms'], shown: readonly ReportData['failures'][number][]) =>
    encode({
      build: summaryOf(build),
      failures: shown,
      atoms: selected,
      notes: [
        ...notes,
        ...(selected.ids.length < atoms.total
          ? [
              `${selected.ids.length} of ${atoms.total} atoms are listed, so that this file does not get too large.`,
            ]
          : []),
        ...(shown.length < failures.length
          ? ['The ends of the outputs are left out for the same reason.']
          : []),
      ],
    });
  let text = await data(atoms.select(), failures);
  let shown = failures;
  for (let kept = atoms.total; text.length > most; kept = Math.floor(kept / 2)) {
    text = await data(atoms.select(TROUBLED, kept), shown);
    if (kept === 0) {
      if (shown.length === 0) {
        break;
      }
      shown = [];
    }
  }
  return text;
}

async function encode(data: ReportData): Promise<string> {
  return (await compress(JSON.stringify(data))).toString('base64');
}

function summaryOf(build: Build): ReportData['build'] {
  const { request_params: request, state_timestamps: times } = build;
  const project = request.url ?? request.project_directory ?? null;
  return {
    id: build.id,
    state: build.state,
    result: build.result,
    job: lineOf(request.job_name),
    project: lineOf(project),
    requested_by: lineOf(request.requested_by),
    revision: build.revision,
    error: build.error_message === null ? null : stripControlChars(build.error_message),
    queued_at: times.QUEUED ?? null,
    ended_at: times.FINISHED ?? times.CANCELED ?? times.ERROR ?? null,
    num_atoms: build.num_atoms,
    num_atoms_done: build.num_atoms_done,
    num_atoms_failed: build.num_atoms_failed,
    num_atoms_lost: build.num_atoms_lost,
    num_atoms_flaky: build.num_atoms_flaky,
    tests: build.tests,
  };
}

function lineOf(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : cleanLine(text);
}
