import { Type } from '@sinclair/typebox';
import { EventSchema } from '../event.js';
import { declareRoute } from '../route.js';
import { SlaveSchema } from '../slave/slave-messages.js';
import { closed, MAX_PAGE, nothing } from './shared.js';

const since = {
  since_id: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'Only events after this one.',
    }),
  ),
  since_timestamp: Type.Optional(
    Type.Number({ minimum: 0, description: 'Only events since then, in seconds since the epoch.' }),
  ),
};

/** Below it are the pages for browsers. */
export const DASHBOARD = '/ui';

/** The master itself: its identity, state, metrics and events. */
export const serviceRoutes = {
  root: declareRoute({
    method: 'GET',
    path: '/v1',
    signing: 'none',
    summary: 'The master and its slaves.',
    params: nothing,
    query: nothing,
    body: null,
    status: 200,
    response: Type.Object({
      master: Type.Object({
        status: Type.String({ description: 'One sentence for people.' }),
        version: Type.String(),
        session_id: Type.String(),
        uptime: Type.Number(),
        slaves: Type.Array(SlaveSchema, { maxItems: MAX_PAGE, description: 'The same as below.' }),
      }),
      slaves: Type.Array(SlaveSchema, { maxItems: MAX_PAGE, description: 'The first thousand of them.' }),
    }),
    children: {
      build: 'listBuilds',
      queue: 'queue',
      job: 'listJobs',
      slave: 'listSlaves',
      utilization: 'utilization',
      eventlog: 'eventLog',
      events: 'events',
      metrics: 'metrics',
      version: 'version',
      openapi: 'openApi',
    },
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
    response: Type.Object({
      version: Type.String(),
      api_version: Type.Integer(),
      dashboard: Type.Optional(
        Type.String({
          pattern: '^/[a-z/]*$',
          description:
            'Where the pages for browsers begin: that of build 7 is `/build/7` below it. Absent at a master without them.',
        }),
      ),
      past_builds: Type.Optional(
        Type.Boolean({
          description:
            'Whether this is `clusterrunner ui`, which shows the builds of a master that does not run.',
        }),
      ),
      ends_with_build: Type.Optional(
        Type.Boolean({
          description:
            'Whether this is the master of a `clusterrunner build` that found none, and ends with its build.',
        }),
      ),
    }),
  }),
  openApi: declareRoute({
    method: 'GET',
    path: '/v1/openapi.json',
    signing: 'none',
    summary: 'This API as an OpenAPI 3.1 document.',
    params: nothing,
    query: nothing,
    body: null,
    status: 200,
    response: 'application/json',
  }),
  metrics: declareRoute({
    method: 'GET',
    path: '/v1/metrics',
    signing: 'none',
    summary: 'Metrics in the text format of Prometheus.',
    params: nothing,
    query: nothing,
    body: null,
    status: 200,
    response: 'text/plain; version=0.0.4; charset=utf-8',
  }),
  eventLog: declareRoute({
    method: 'GET',
    path: '/v1/eventlog',
    signing: 'none',
    summary:
      'The event log, oldest first: at most `limit` events, or fewer if they are large. Request again with the last id ' +
      'until no events are returned.',
    params: nothing,
    query: Type.Object(
      {
        ...since,
        format: Type.Optional(
          Type.Literal('0.x', {
            description:
              'Each event also has its facts, `__id__`, `__tag__` and `__timestamp__` at its top level.',
          }),
        ),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: MAX_PAGE })),
      },
      closed,
    ),
    body: null,
    status: 200,
    response: Type.Object({ events: Type.Array(EventSchema) }),
  }),
  events: declareRoute({
    method: 'GET',
    path: '/v1/events',
    signing: 'none',
    summary:
      'The same events as they happen, as server-sent events; with Last-Event-ID (or `since_id`) those after it ' +
      'first, without it only new ones.',
    params: nothing,
    query: Type.Object({ since_id: since.since_id }, closed),
    body: null,
    status: 200,
    response: 'text/event-stream',
  }),
} as const;
