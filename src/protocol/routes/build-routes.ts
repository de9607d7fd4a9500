import { Type } from '@sinclair/typebox';
import { BuildRequestSchema, BuildSchema, RequesterSchema } from '../build/build.js';
import { ExplanationSchema, QueueWaitSchema } from '../build/explanation.js';
import { buildSearchFields, queueFields } from '../build/search-parameters.js';
import { BuildIdSchema } from '../ids.js';
import { ArtifactEntrySchema, ATOM_FOLDER } from '../results/artifact.js';
import { declareRoute } from '../route.js';
import { literals } from '../shapes.js';
import { anyPage, closed, nothing, ofBuild, page, total } from './shared.js';

/** Longest time for which a client may ask the master to hold its request. */
export const MAX_WAIT_SECONDS = 60;

const builds = Type.Object({ builds: Type.Array(BuildSchema), total });
const stillRuns = { 202: 'The build still runs, as `error` says, and its results are not available yet.' };
const ofFolder = Type.Object(
  { buildId: BuildIdSchema, folder: Type.String({ pattern: ATOM_FOLDER.source }) },
  closed,
);
const ofFile = Type.Object(
  { ...ofFolder.properties, path: Type.String({ minLength: 1, maxLength: 4096 }) },
  closed,
);
const oneBuild = Type.Object({ build: BuildSchema });

export const buildRoutes = {
  listBuilds: declareRoute({
    method: 'GET',
    path: '/v1/build',
    signing: 'none',
    summary:
      'The builds that the master knows: all of them, or those that match. `request_params` has none of `config`, ' +
      '`atoms_override` and `changed_files` here.',
    params: nothing,
    query: Type.Object({ ...anyPage.properties, ...buildSearchFields }, closed),
    body: null,
    status: 200,
    response: builds,
    children: { build: 'getBuild' },
  }),
  queue: declareRoute({
    method: 'GET',
    path: '/v1/queue',
    signing: 'none',
    summary: 'The builds that have not ended, oldest first, or in the order in which they get executors.',
    params: nothing,
    query: Type.Object({ ...page.properties, ...queueFields }, closed),
    body: null,
    status: 200,
    response: Type.Object({
      ...builds.properties,
      queue: Type.Array(BuildSchema, {
        description: 'The same builds, for older clients.',
      }),
      waiting: Type.Optional(QueueWaitSchema),
    }),
    children: { build: 'getBuild' },
  }),
  createBuild: declareRoute({
    method: 'POST',
    path: '/v1/build',
    signing: 'body-hmac',
    isLogged: true,
    summary: 'Starts a build.',
    params: nothing,
    query: nothing,
    body: BuildRequestSchema,
    status: 202,
    response: Type.Object({ build_id: BuildIdSchema }),
    children: { build: 'getBuild' },
  }),
  getBuild: declareRoute({
    method: 'GET',
    path: '/v1/build/:buildId',
    signing: 'none',
    summary:
      'One build. With `wait` and the ETag of an earlier response in If-None-Match, it returns when the build has changed ' +
      '(or, with `until=end`, has ended) or that time is over, with 304 if it has not changed.',
    params: ofBuild,
    query: Type.Object(
      {
        wait: Type.Optional(
          Type.Number({
            minimum: 0,
            maximum: MAX_WAIT_SECONDS,
            description: 'Seconds to wait.',
          }),
        ),
        until: Type.Optional(
          literals(['change', 'end'] as const, { description: 'What to wait for.', default: 'change' }),
        ),
      },
      closed,
    ),
    body: null,
    status: 200,
    response: oneBuild,
    alsoResponds: { 304: 'The build has not changed since the response with this ETag.' },
    children: {
      failure_group: 'listFailureGroups',
      subjob: 'listSubjobs',
      atom: 'listAtoms',
      timeline: 'getTimeline',
      explain: 'explainBuild',
      rerun: 'rerunFailed',
      result: 'getResult',
      artifact: 'listArtifacts',
      'artifacts.tar.gz': 'getArtifactsTar',
      'artifacts.zip': 'getArtifactsZip',
    },
  }),
  updateBuild: declareRoute({
    method: 'PUT',
    path: '/v1/build/:buildId',
    signing: 'body-hmac',
    byControlToken: true,
    isLogged: true,
    summary: 'Cancels a build. It does nothing to a build that has ended.',
    params: ofBuild,
    query: nothing,
    body: Type.Object({ status: Type.Literal('canceled') }, closed),
    status: 200,
    response: oneBuild,
  }),
  rerunFailed: declareRoute({
    method: 'POST',
    path: '/v1/build/:buildId/rerun',
    signing: 'http-signature',
    byControlToken: true,
    isLogged: true,
    summary:
      'Starts a build of the failed and lost atoms of an ended build, or with `atoms: "all"` the whole build again, with ' +
      'the same commit, job and files.',
    params: ofBuild,
    query: nothing,
    body: Type.Object(
      {
        atoms: Type.Optional(
          literals(['failed', 'all'] as const, {
            description: 'Which atoms run again; "failed" unless given.',
          }),
        ),
        requested_by: Type.Optional(RequesterSchema),
      },
      closed,
    ),
    status: 202,
    response: Type.Object({ build_id: BuildIdSchema }),
  }),
  explainBuild: declareRoute({
    method: 'GET',
    path: '/v1/build/:buildId/explain',
    signing: 'none',
    summary: 'Why the build has not ended yet: what it waits for, and what runs where since when.',
    params: ofBuild,
    query: nothing,
    body: null,
    status: 200,
    response: Type.Object({ explanation: ExplanationSchema }),
  }),
  getResult: declareRoute({
    method: 'GET',
    path: '/v1/build/:buildId/result',
    signing: 'none',
    summary: "Redirects to the archive of the build's results. 202 with an `error` while the build runs.",
    params: ofBuild,
    query: nothing,
    body: null,
    status: 302,
    response: 'redirect',
    alsoResponds: stillRuns,
  }),
  getArtifactsTar: declareRoute({
    method: 'GET',
    path: '/v1/build/:buildId/artifacts.tar.gz',
    signing: 'none',
    summary: "The build's results, one folder for each atom. 202 with an `error` while the build runs.",
    params: ofBuild,
    query: Type.Object(
      {
        until: Type.Optional(
          Type.Literal('end', {
            description:
              'For a build that still runs: the results that have arrived, and further ones as they arrive, until the build ' +
              'has ended. An interrupted download must be repeated from its beginning.',
          }),
        ),
      },
      closed,
    ),
    body: null,
    status: 200,
    response: 'application/gzip',
    alsoResponds: { ...stillRuns, 206: 'The part that the header Range requests.' },
  }),
  getArtifactsZip: declareRoute({
    method: 'GET',
    path: '/v1/build/:buildId/artifacts.zip',
    signing: 'none',
    summary:
      'The same as a zip, which is made at the first request. 202 with an `error` while the build runs, unless one folder ' +
      'is requested that has arrived.',
    params: ofBuild,
    query: Type.Object(
      {
        folder: Type.Optional(
          Type.String({ pattern: ATOM_FOLDER.source, description: 'Only the folder of this atom.' }),
        ),
        path: Type.Optional(
          Type.String({
            minLength: 1,
            maxLength: 4096,
            description: 'Only the file or folder with this path in `folder`.',
          }),
        ),
      },
      closed,
    ),
    body: null,
    status: 200,
    response: 'application/zip',
    alsoResponds: { ...stillRuns, 206: 'The part that the header Range requests.' },
  }),
  listArtifacts: declareRoute({
    method: 'GET',
    path: '/v1/build/:buildId/artifact/:folder',
    signing: 'none',
    summary: "The files of one atom's folder in the results, as soon as it has arrived.",
    params: ofFolder,
    query: page,
    body: null,
    status: 200,
    response: Type.Object({ files: Type.Array(ArtifactEntrySchema), total }),
    children: { file: 'getArtifact', show: 'showArtifact' },
  }),
  getArtifact: declareRoute({
    method: 'GET',
    path: '/v1/build/:buildId/artifact/:folder/*path',
    signing: 'none',
    summary: 'One file of one atom.',
    params: ofFile,
    query: nothing,
    body: null,
    status: 200,
    response: 'application/octet-stream',
  }),
  showArtifact: declareRoute({
    method: 'GET',
    path: '/v1/build/:buildId/show/:folder/*path',
    signing: 'none',
    summary:
      'The same file for a browser, which shows it: pictures, styles and HTML pages with their type, all else as text. A ' +
      'policy gives it an origin of its own, and neither scripts nor requests.',
    params: ofFile,
    query: nothing,
    body: null,
    status: 200,
    response: 'application/octet-stream',
  }),
} as const;
