import type { ReportData } from '../../protocol/report-data.js';
import { durationText } from '../parts/duration-text.js';
import { Empty } from '../parts/notices.js';
import { Status } from '../parts/status.js';
import { lookOfBuild } from '../parts/status-look.js';
import { ReportAtomTable } from './report-atom-list.js';
import { ReportFailureList } from './report-failure-list.js';

/** The whole report of a build: its facts, its failures and its atoms. */
export function ReportPage({ data: { build, failures, atoms, notes } }: { readonly data: ReportData }) {
  const { queued_at: queued, ended_at: ended, tests } = build;
  return (
    <>
      <h1>
        Build {build.id} <bdi>{build.job ?? ''}</bdi>
      </h1>
      <p>
        <Status look={lookOfBuild(build)} />: {build.num_atoms_done} of {build.num_atoms ?? '?'} atoms,{' '}
        {build.num_atoms_failed} failed
        {build.num_atoms_lost > 0 && ` (${build.num_atoms_lost} of them lost)`}
        {build.num_atoms_flaky > 0 && `, ${build.num_atoms_flaky} flaky`}
        {queued !== null && ended !== null && `, ${durationText(ended - queued)}`}
      </p>
      {tests !== null && (
        <p>
          {tests.tests} tests in the reports of the atoms: {tests.failures} failures, {tests.errors} errors,{' '}
          {tests.skipped} skipped
        </p>
      )}
      {factsOf(build).map((fact) => (
        <p key={fact} class="report-facts">
          <bdi>{fact}</bdi>
        </p>
      ))}
      {build.error !== null && <p class="problem">{build.error}</p>}
      {notes.map((note) => (
        <p key={note} class="quiet">
          {note}
        </p>
      ))}
      {failures.length > 0 && <ReportFailureList failures={failures} />}
      {atoms.ids.length > 0 ? <ReportAtomTable atoms={atoms} /> : <Empty title="No atoms are listed." />}
    </>
  );
}

function factsOf({
  project,
  revision,
  requested_by: requester,
  queued_at: queued,
}: ReportData['build']): string[] {
  return [
    ...(project === null ? [] : [project]),
    ...(revision === null
      ? []
      : [
          [
            revision.commit,
            revision.branch,
            revision.subject,
            revision.has_changes === true ? 'with changes' : null,
          ]
            .filter((part) => part !== null)
            .join(' · '),
        ]),
    ...(requester === null ? [] : [`requested by ${requester}`]),
    ...(queued === null
      ? []
      : [new Date(queued * 1000).toISOString().replace('T', ' ').slice(0, 19) + ' UTC']),
  ];
}
