import { durationText } from '../../../lib/text/duration-text.js';
import { passRateFact } from '../../../lib/text/pass-rate-text.js';
import { quantilesText } from '../../../lib/text/quantiles-text.js';
import type { JobBuild, JobTrend } from '../../../protocol/build/history.js';
import type { JobId } from '../../../protocol/ids.js';
import { getJson } from '../../api/api-calls.js';
import { useLoaded } from '../../api/use-loaded.js';
import { Loading, ProblemNotice } from '../../parts/page/notices.js';
import { Status } from '../../parts/status/status.js';
import { lookOfBuild } from '../../parts/status/status-look.js';
import { countText } from '../../parts/text/count-text.js';
import { usePageTitle } from '../../parts/text/page-title.js';
import { now } from '../../parts/text/ticking-now.js';
import { address } from '../../router/location.js';
import { pathTo } from '../../router/page-paths.js';
import { AtomHistoryPart } from './atom-history-part.js';
import { JobAtomsPart } from './job-atoms-part.js';
import { JobBuildsPart } from './job-builds-part.js';
import { chosenList, countOfList, type JobList, jobLists, lostSeconds } from './job-lists.js';
import { barsOfBuilds } from './trend-bars.js';
import { TrendChart } from './trend-chart.js';

/** Partial builds are not drawn, so these are more than the bars. */
const BUILDS = 100;
const LOST_DAYS = 30;
/** A build is in the history some time after its end. */
const EVERY_MS = 30_000;

/** The history of one job: its trend, and its atoms in several orders, or one of them. */
export function JobPage({ jobId }: { readonly jobId: JobId }) {
  const { data, problem } = useLoaded(
    `job ${jobId}`,
    async (signal) => {
      const [{ job }, { builds }] = await Promise.all([
        getJson('/v1/job/:jobId', { params: { jobId }, signal }),
        getJson('/v1/job/:jobId/build', { params: { jobId }, query: { limit: BUILDS }, signal }),
      ]);
      return { job, builds };
    },
    { isChangedBy: ({ tag }) => tag.startsWith('BUILD_'), everyMs: () => EVERY_MS },
  );
  usePageTitle(data?.job.name ?? `Job ${jobId}`);
  if (data === null) {
    return (
      <>
        <h1>Job {jobId}</h1>
        {problem === null ? <Loading /> : <ProblemNotice problem={problem} />}
        <p>
          <a href="/ui/jobs">All jobs</a>
        </p>
      </>
    );
  }
  const { job } = data;
  const atom = address.value.searchParams.get('atom');
  return (
    <>
      <JobHead {...data} />
      <ProblemNotice problem={problem} />
      {atom === null ? (
        <Lists job={job} />
      ) : (
        <AtomHistoryPart key={atom} jobId={jobId} name={atom} variables={job.atom_variables} />
      )}
    </>
  );
}

function JobHead({ job, builds }: { readonly job: JobTrend; readonly builds: readonly JobBuild[] }) {
  const { last_build: last } = job;
  const lost = lostSeconds(job.days, LOST_DAYS, now.value);
  return (
    <header>
      <h1>
        {last !== null && <Status look={lookOfBuild(last)} />} <bdi>{job.name}</bdi>
      </h1>
      <p class="facts">
        <bdi class="quiet">{job.project}</bdi>
        <a href={`/ui/builds?job=${job.id}`}>{countText(job.num_builds, 'build')}</a>
        <span>{passRateFact(job)}</span>
        <span>{quantilesText(job)}</span>
        {lost > 0 && (
          <span>
            {durationText(lost)} lost to retries in {LOST_DAYS} days
          </span>
        )}
      </p>
      <TrendChart label="Durations and results of the newest builds" bars={barsOfBuilds(builds)} />
    </header>
  );
}

function Lists({ job }: { readonly job: JobTrend }) {
  const { searchParams } = address.value;
  const { list, none } = chosenList(searchParams.get('list'), job);
  const hrefOf = (other: JobList) => {
    const query = new URLSearchParams(searchParams);
    query.set('list', other);
    return `${pathTo({ page: 'job', jobId: job.id })}?${query}`;
  };
  return (
    <>
      <nav class="links tabs" aria-label="Lists of the job">
        {jobLists.map((one) => {
          const count = countOfList(one.list, job);
          return (
            <a key={one.list} href={hrefOf(one.list)} aria-current={one.list === list ? 'page' : undefined}>
              {one.label}
              {count !== null && <span class="quiet"> {count.toLocaleString('en-US')}</span>}
            </a>
          );
        })}
      </nav>
      {list === 'builds' ? (
        <JobBuildsPart jobId={job.id} none={none} />
      ) : (
        <JobAtomsPart job={job} order={list} none={none} />
      )}
    </>
  );
}
