import { Type } from '@sinclair/typebox';
import {
  AtomHistorySchema,
  AtomHistoryWithDaysSchema,
  historyOrder,
  JobBuildSchema,
  JobSchema,
  JobTrendSchema,
} from '../build/history.js';
import { JobIdSchema } from '../ids.js';
import { declareRoute } from '../route.js';
import { literals, Nullable } from '../shapes.js';
import { closed, nothing, ofAtom, ofJob, page, pageFields, total } from './shared.js';

const MAX_TEXT = 1000;
const q = Type.Optional(
  Type.String({ maxLength: MAX_TEXT, description: 'Only those that contain this text, in any case.' }),
);

/** The history of jobs and atoms. A build is in it soon after its end. */
export const historyRoutes = {
  listJobs: declareRoute({
    method: 'GET',
    path: '/v1/job',
    signing: 'none',
    summary:
      'The jobs in the history, that of the newest build first. `q` looks at the project and the name.',
    params: nothing,
    query: Type.Object({ ...pageFields, q }, closed),
    body: null,
    status: 200,
    response: Type.Object({ jobs: Type.Array(JobSchema), total }),
    children: { job: 'getJob' },
  }),
  getJob: declareRoute({
    method: 'GET',
    path: '/v1/job/:jobId',
    signing: 'none',
    summary: 'One job, with its trend.',
    params: ofJob,
    query: nothing,
    body: null,
    status: 200,
    response: Type.Object({ job: JobTrendSchema }),
    children: { build: 'listJobBuilds', atom: 'listJobAtoms' },
  }),
  listJobBuilds: declareRoute({
    method: 'GET',
    path: '/v1/job/:jobId/build',
    signing: 'none',
    summary: 'The ended builds of a job, newest first, also those that were deleted.',
    params: ofJob,
    query: page,
    body: null,
    status: 200,
    response: Type.Object({ builds: Type.Array(JobBuildSchema), total }),
  }),
  listJobAtoms: declareRoute({
    method: 'GET',
    path: '/v1/job/:jobId/atom',
    signing: 'none',
    summary: 'The atoms of a job with their newest runs, in the requested order.',
    params: ofJob,
    query: Type.Object(
      {
        ...pageFields,
        sort: Type.Optional(
          literals(historyOrder, {
            default: 'name',
            description:
              'slowest: by `p50_seconds`, to two digits. flaky: by `flakiness`. failing, newly_failing: by `failing_since`, from the oldest or the newest. retry_seconds: by `recent_retry_seconds`.',
          }),
        ),
        q,
      },
      closed,
    ),
    body: null,
    status: 200,
    response: Type.Object({ atoms: Type.Array(AtomHistorySchema), total }),
    children: { history: 'getAtomHistory' },
  }),
  getAtomHistory: declareRoute({
    method: 'GET',
    path: '/v1/job/:jobId/atom/history',
    signing: 'none',
    summary: 'The history of one atom, by its `name` in the list.',
    params: ofJob,
    query: Type.Object({ name: Type.String({ minLength: 1, maxLength: MAX_TEXT }) }, closed),
    body: null,
    status: 200,
    response: Type.Object({ atom: AtomHistoryWithDaysSchema }),
  }),
  getHistoryOfAtom: declareRoute({
    method: 'GET',
    path: '/v1/build/:buildId/atom/:atomId/history',
    signing: 'none',
    summary:
      'The history of an atom of a build in its job. null for what is not recorded: the job before its first build has ended, or the atom before it has run.',
    params: ofAtom,
    query: nothing,
    body: null,
    status: 200,
    response: Type.Object({ job_id: Nullable(JobIdSchema), history: Nullable(AtomHistoryWithDaysSchema) }),
  }),
} as const;
