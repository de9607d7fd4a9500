import { Type } from '@sinclair/typebox';
import { SlaveIdSchema } from '../ids.js';
import { declareRoute } from '../route.js';
import { slaveSearchFields, slaveState } from '../slave/slave-list.js';
import { SlaveSchema } from '../slave/slave-messages.js';
import { HOURS_OF_UTILIZATION, UtilizationSchema } from '../slave/utilization-columns.js';
import { closed, MAX_PAGE, nothing, ofSlave, pageFields, total } from './shared.js';

/** Slaves, for people and monitoring. */
export const slaveRoutes = {
  listSlaves: declareRoute({
    method: 'GET',
    path: '/v1/slave',
    signing: 'none',
    summary: 'The slaves that the master knows.',
    params: nothing,
    query: Type.Object({ ...pageFields, ...slaveSearchFields }, closed),
    body: null,
    status: 200,
    response: Type.Object({
      slaves: Type.Array(SlaveSchema),
      total,
      num_in_state: Type.Optional(
        Type.Object(Object.fromEntries(slaveState.map((state) => [state, Type.Integer()])), {
          description: 'How many of all slaves are in each state.',
        }),
      ),
    }),
    children: { slave: 'getSlave' },
  }),
  getSlave: declareRoute({
    method: 'GET',
    path: '/v1/slave/:slaveId',
    signing: 'none',
    summary: 'One slave.',
    params: ofSlave,
    query: nothing,
    body: null,
    status: 200,
    response: Type.Object({ slave: SlaveSchema }),
  }),
  utilization: declareRoute({
    method: 'GET',
    path: '/v1/utilization',
    signing: 'none',
    summary:
      'How busy the executors were: averages of each minute of the last hours, oldest first, in columns. Minutes in which ' +
      'the master did not run are not there.',
    params: nothing,
    query: Type.Object(
      {
        hours: Type.Optional(
          Type.Integer({ minimum: 1, maximum: HOURS_OF_UTILIZATION, default: HOURS_OF_UTILIZATION }),
        ),
      },
      closed,
    ),
    body: null,
    status: 200,
    response: UtilizationSchema,
  }),
  shutdownSlave: declareRoute({
    method: 'POST',
    path: '/v1/slave/:slaveId/shutdown',
    signing: 'http-signature',
    byControlToken: true,
    isLogged: true,
    summary: 'Drains a slave: it finishes its leases, takes no more, and exits.',
    params: ofSlave,
    query: nothing,
    body: null,
    status: 200,
    response: Type.Object({ slave_ids: Type.Array(SlaveIdSchema) }),
  }),
  shutdownSlaves: declareRoute({
    method: 'POST',
    path: '/v1/slave/shutdown',
    signing: 'http-signature',
    isLogged: true,
    summary: 'Drains several slaves: {"slaves": [1, 2]}, or all with {"shutdown_all": true}.',
    params: nothing,
    query: nothing,
    body: Type.Union([
      Type.Object({ slaves: Type.Array(SlaveIdSchema, { minItems: 1, maxItems: MAX_PAGE * 10 }) }, closed),
      Type.Object({ shutdown_all: Type.Literal(true) }, closed),
    ]),
    status: 200,
    response: Type.Object({ slave_ids: Type.Array(SlaveIdSchema, { description: 'Those that now drain.' }) }),
  }),
} as const;
