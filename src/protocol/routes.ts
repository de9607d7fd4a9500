import { Type } from '@sinclair/typebox';
import { BuildRequestSchema, BuildSchema } from './build.js';
import { BuildIdSchema, SlaveIdSchema, SubjobIdSchema } from './ids.js';
import { declareRoute } from './route.js';
import {
  HandbackSchema,
  PreparationFailedSchema,
  PreparedSchema,
  ProgressSchema,
  RegisteredSchema,
  RegisterSchema,
  SlaveSchema,
  WorkAnswerSchema,
  WorkRequestSchema,
} from './slave.js';

const closed = { additionalProperties: false };
const nothing = Type.Object({}, closed);
const build = Type.Object({ buildId: BuildIdSchema }, closed);
const slave = Type.Object({ slaveId: SlaveIdSchema }, closed);
const slaveBuild = Type.Object({ slaveId: SlaveIdSchema, buildId: BuildIdSchema }, closed);
const slaveSubjob = Type.Object(
  { slaveId: SlaveIdSchema, buildId: BuildIdSchema, subjobId: SubjobIdSchema },
  closed,
);

/** A list never comes whole: at most this many rows an answer. */
export const MAX_PAGE = 1000;
const page = Type.Object(
  {
    offset: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: 100 })),
  },
  closed,
);

/** Every route of the master, declared once. */
export const routes = {
  root: declareRoute({
    method: 'GET',
    path: '/v1',
    signing: 'none',
    summary: 'The master and its slaves.',
    params: nothing,
    query: nothing,
    body: null,
    status: 200,
    answer: Type.Object({
      master: Type.Object({ version: Type.String(), session_id: Type.String(), uptime: Type.Number() }),
      slaves: Type.Array(SlaveSchema),
    }),
    children: { build: 'listBuilds', slave: 'listSlaves', version: 'version' },
  }),
  version: declareRoute({
    method: 'GET',
    path: '/v1/version',
    signing: 'none',
    summary: 'The versions of the program and of its API.',
    params: nothing,
    query: nothing,
    body: null,
    status: 200,
    answer: Type.Object({ version: Type.String(), api_version: Type.Integer() }),
  }),
  listBuilds: declareRoute({
    method: 'GET',
    path: '/v1/build',
    signing: 'none',
    summary: 'All builds that the master knows, newest last.',
    params: nothing,
    query: page,
    body: null,
    status: 200,
    answer: Type.Object({ builds: Type.Array(BuildSchema), total: Type.Integer() }),
    children: { build: 'getBuild' },
  }),
  createBuild: declareRoute({
    method: 'POST',
    path: '/v1/build',
    signing: 'document',
    summary: 'Starts a build.',
    params: nothing,
    query: nothing,
    body: BuildRequestSchema,
    status: 202,
    answer: Type.Object({ build_id: BuildIdSchema }),
    children: { build: 'getBuild' },
  }),
  getBuild: declareRoute({
    method: 'GET',
    path: '/v1/build/:buildId',
    signing: 'none',
    summary: 'One build.',
    params: build,
    query: nothing,
    body: null,
    status: 200,
    answer: Type.Object({ build: BuildSchema }),
    children: { 'artifacts.tar.gz': 'getArtifactsTar' },
  }),
  updateBuild: declareRoute({
    method: 'PUT',
    path: '/v1/build/:buildId',
    signing: 'document',
    summary: 'Cancels a build. A build that has ended already is left as it is.',
    params: build,
    query: nothing,
    body: Type.Object({ status: Type.Literal('canceled') }, closed),
    status: 200,
    answer: Type.Object({ build: BuildSchema }),
  }),
  getArtifactsTar: declareRoute({
    method: 'GET',
    path: '/v1/build/:buildId/artifacts.tar.gz',
    signing: 'none',
    summary: "The build's results, one folder an atom. 202 with an `error` while the build runs.",
    params: build,
    query: nothing,
    body: null,
    status: 200,
    answer: 'stream',
  }),
  listSlaves: declareRoute({
    method: 'GET',
    path: '/v1/slave',
    signing: 'none',
    summary: 'The slaves that the master knows.',
    params: nothing,
    query: page,
    body: null,
    status: 200,
    answer: Type.Object({ slaves: Type.Array(SlaveSchema), total: Type.Integer() }),
  }),

  registerSlave: declareRoute({
    method: 'POST',
    path: '/v1/slave',
    signing: 'parts',
    summary: 'A slave says that it is there.',
    params: nothing,
    query: nothing,
    body: RegisterSchema,
    status: 201,
    answer: RegisteredSchema,
  }),
  goodbyeSlave: declareRoute({
    method: 'DELETE',
    path: '/v1/slave/:slaveId',
    signing: 'parts',
    summary: 'A slave leaves; leases that it still holds go back to the queue at once.',
    params: slave,
    query: nothing,
    body: null,
    status: 200,
    answer: nothing,
  }),
  askForWork: declareRoute({
    method: 'POST',
    path: '/v1/slave/:slaveId/work',
    signing: 'parts',
    summary:
      'Long poll of a slave. It answers at once when there is anything to say. A newer question of the same ' +
      'slave makes the older one answer empty.',
    params: slave,
    query: nothing,
    body: WorkRequestSchema,
    status: 200,
    answer: WorkAnswerSchema,
  }),
  reportPrepared: declareRoute({
    method: 'POST',
    path: '/v1/slave/:slaveId/build/:buildId/prepared',
    signing: 'parts',
    summary: 'The project is fetched and its atoms are listed.',
    params: slaveBuild,
    query: nothing,
    body: PreparedSchema,
    status: 200,
    answer: nothing,
  }),
  reportPreparationFailed: declareRoute({
    method: 'POST',
    path: '/v1/slave/:slaveId/build/:buildId/preparation_failed',
    signing: 'parts',
    summary: 'The project cannot be built, for a reason that lies in the request or the project.',
    params: slaveBuild,
    query: nothing,
    body: PreparationFailedSchema,
    status: 200,
    answer: nothing,
  }),
  handBackPreparation: declareRoute({
    method: 'POST',
    path: '/v1/slave/:slaveId/build/:buildId/handback',
    signing: 'parts',
    summary: 'The slave gives the lease of a preparation back without an answer.',
    params: slaveBuild,
    query: nothing,
    body: HandbackSchema,
    status: 200,
    answer: nothing,
  }),
  reportProgress: declareRoute({
    method: 'POST',
    path: '/v1/slave/:slaveId/build/:buildId/subjob/:subjobId/progress',
    signing: 'parts',
    summary: 'What has happened to the atoms of a lease since the last report.',
    params: slaveSubjob,
    query: nothing,
    body: ProgressSchema,
    status: 200,
    answer: nothing,
  }),
  handBack: declareRoute({
    method: 'POST',
    path: '/v1/slave/:slaveId/build/:buildId/subjob/:subjobId/handback',
    signing: 'parts',
    summary: 'The slave gives a lease back without a verdict.',
    params: slaveSubjob,
    query: nothing,
    body: HandbackSchema,
    status: 200,
    answer: nothing,
  }),
  deliverResult: declareRoute({
    method: 'PUT',
    path: '/v1/slave/:slaveId/build/:buildId/subjob/:subjobId/result',
    signing: 'parts',
    summary: 'Verdicts and results of a subjob: the report as JSON, then its tar.gz.',
    params: slaveSubjob,
    query: Type.Object({ report_bytes: Type.Integer({ minimum: 2, maximum: 16 * 1024 * 1024 }) }, closed),
    body: 'stream',
    status: 200,
    answer: nothing,
  }),
} as const;

export type RouteName = keyof typeof routes;
export const API_VERSION = 1;
