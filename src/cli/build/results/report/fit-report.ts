import { scriptJson } from '../../../../lib/formats/script-json.js';
import { maskCredentials } from '../../../../lib/text/mask-credentials.js';
import { cleanLine, stripControlChars } from '../../../../lib/text/strip-control-chars.js';
import { textStart } from '../../../../lib/text/text-ends.js';
import { version } from '../../../../lib/version.js';
import type { Build } from '../../../../protocol/build/build.js';
import type { Atom } from '../../../../protocol/build/work.js';
import { atomFolder } from '../../../../protocol/ids.js';
import type { ReportData, ReportListed } from '../../../../protocol/results/report-data.js';
import { type GatheredAtoms, reportLine, reportName } from './report-atoms.js';
import { type FoundGroup, MAX_COMPARED_ATOMS } from './report-groups.js';

/** So many flaky or interrupted atoms are listed apart. */
const MAX_APART = 100;
/** UTF-16 units of an error. */
const MAX_ERROR = 10_000;

/** Everything that a report is made of. */
export interface ReportParts {
  readonly build: Build;
  readonly atoms: GatheredAtoms;
  readonly groups: readonly FoundGroup[];
  /** How many groups there are. */
  readonly numGroups: number;
  readonly rerun: string | null;
  readonly hasFolder: (name: string) => boolean;
  /** Other files beside the report. */
  readonly files: readonly string[];
  /** Sentences about parts that are missing. */
  readonly leftOut: readonly string[];
}

/**
 * The data of a report as JSON for its page, of at most `maxBytes`. Atoms that passed quickly are left out first when all do
 * not fit, then the ends of outputs.
 */
export function fittingReport(parts: ReportParts, maxBytes: number): string {
  let groups = parts.groups;
  for (let most = parts.atoms.most; ; ) {
    const json = scriptJson(reportData({ ...parts, groups }, most));
    const bytes = Buffer.byteLength(json);
    if (bytes <= maxBytes || (most === 0 && groups.length === 0)) {
      return json;
    }
    if (most === 0) {
      groups = groups.slice(0, Math.floor(groups.length / 2));
    }
    // A little less than in proportion, since the bytes for an atom differ.
    most = Math.floor(most * Math.min(0.9, (0.95 * maxBytes) / bytes));
  }
}

/** The data of a report that lists at most so many atoms. */
function reportData(
  { build, atoms, groups, numGroups, rerun, hasFolder, files, leftOut }: ReportParts,
  most: number,
): ReportData {
  const { columns, placeOf } = atoms.list(most, hasFolder);
  const numListed = columns.times.length;
  const variables = build.atom_variables;
  const apart = (list: readonly Atom[] | null) =>
    (list ?? []).slice(0, MAX_APART).map((atom): ReportListed => {
      const folder = atomFolder(atom.subjob_id, atom.id);
      return {
        id: atom.id,
        name: reportName(atom, variables),
        folder: hasFolder(folder) ? folder : null,
        error: atom.error === null ? null : reportLine(atom.error),
      };
    });
  const numFailed = build.failed_atoms?.length ?? 0;
  return {
    build: shownBuild(build),
    version,
    rerun,
    groups: groups.map(({ ids, ...group }) => ({
      ...group,
      num_atoms: ids.length,
      places: ids.flatMap((id) => placeOf.get(id) ?? []),
    })),
    num_groups: numGroups,
    atoms: columns,
    flaky: apart(build.flaky_atoms),
    interrupted: apart(build.interrupted_atoms),
    files,
    left_out: [
      ...leftOut,
      ...(numListed < atoms.total
        ? [
            `${countText(numListed)} of ${countText(atoms.total)} atoms are listed: those that did not pass or ran again, and then ` +
              'the longest ones. junit.xml beside this report has all of them.',
          ]
        : []),
      ...(groups.length < numGroups
        ? [
            `${countText(numGroups - groups.length)} smaller groups of failures are not shown. failures.txt beside this report names the ` +
              'folders of all failed atoms.',
          ]
        : []),
      ...(numFailed > MAX_COMPARED_ATOMS
        ? [`The outputs of the first ${countText(MAX_COMPARED_ATOMS)} failed atoms were compared.`]
        : []),
    ],
  };
}

/** The part of a build that the page shows, without control characters. */
function shownBuild(build: Build): Build {
  const { request_params: request, revision } = build;
  const line = (text: string) => reportLine(maskCredentials(text));
  return {
    ...build,
    details: '',
    failed_atoms: null,
    flaky_atoms: null,
    interrupted_atoms: null,
    activity: null,
    error_message:
      build.error_message === null ? null : textStart(stripControlChars(build.error_message), MAX_ERROR),
    revision:
      revision === null
        ? null
        : {
            ...revision,
            branch: revision.branch === null ? null : cleanLine(revision.branch),
            subject: revision.subject === null ? null : cleanLine(revision.subject),
          },
    request_params: {
      type: request.type,
      ...(request.job_name == null ? {} : { job_name: line(request.job_name) }),
      ...(request.url === undefined ? {} : { url: line(request.url) }),
      ...(request.project_directory === undefined
        ? {}
        : { project_directory: line(request.project_directory) }),
      ...(request.branch === undefined ? {} : { branch: line(request.branch) }),
      ...(request.hash === undefined ? {} : { hash: line(request.hash) }),
      ...(request.requested_by === undefined ? {} : { requested_by: line(request.requested_by) }),
      ...(request.priority === undefined ? {} : { priority: request.priority }),
    },
  };
}

function countText(number: number): string {
  return number.toLocaleString('en-US');
}
