import type { ReportData, ReportedGroup } from '../../protocol/results/report-data.js';
import { failureColumns } from '../pages/build/view/atom-columns.js';
import { FailureGroupPart, failuresTitle, RerunLine } from '../pages/build/view/failure-group-part.js';
import { VirtualTable } from '../parts/table/virtual-table.js';
import { besideReport, consoleBeside, type ListedAtoms } from './listed-atoms.js';
import { tableRows } from './report-rows.js';

/** So many atoms of a group are shown at first. */
const SHOWN_ATOMS = 5;
/** The lines of so many groups are shown at first. */
const OPEN = 3;

interface ReportFailuresProps {
  readonly data: ReportData;
  readonly atoms: ListedAtoms;
}

/** The failed atoms of a report in groups whose outputs end alike. */
export function ReportFailures({
  data: { build, groups, num_groups: all, rerun },
  atoms,
}: ReportFailuresProps) {
  return build.num_atoms_failed === 0 ? null : (
    <section aria-labelledby="failures" class="failures">
      <h2 id="failures">{failuresTitle(build.num_atoms_failed, all)}</h2>
      {rerun !== null && <RerunLine label="Run them again:" command={rerun} />}
      {groups.map((group, place) => (
        <FailureGroupPart
          key={group.key}
          group={{
            key: group.key,
            num_atoms: group.num_atoms,
            sample_lines: group.lines,
            atoms: group.places
              .slice(0, SHOWN_ATOMS)
              .map((place) => ({ ...atoms.atom(place), error: group.error })),
          }}
          isOpen={place < OPEN}
          renderAll={() => (
            <VirtualTable
              caption="All failed atoms of the group"
              columns={failureColumns}
              rows={tableRows(atoms, group.places)}
              total={group.places.length}
            />
          )}
        >
          <FirstOfGroup group={group} />
        </FailureGroupPart>
      ))}
    </section>
  );
}

/** How to rerun the atom that printed the lines, and its files. */
function FirstOfGroup({
  group: { num_atoms: number, rerun, folder, files },
}: {
  readonly group: ReportedGroup;
}) {
  return (
    <>
      {rerun !== null && (
        <RerunLine label={`Rerun ${number === 1 ? 'it' : 'the first one'} by hand:`} command={rerun} />
      )}
      {folder !== null && (
        <p class="files-of">
          <a href={consoleBeside(folder)}>whole output</a>
          {files.map((path) => (
            <a key={path} href={besideReport(folder, path)}>
              <bdi>{path}</bdi>
            </a>
          ))}
          <a href={`${folder}/`}>all files</a>
        </p>
      )}
    </>
  );
}
