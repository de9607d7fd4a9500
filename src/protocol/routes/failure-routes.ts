import { Type } from '@sinclair/typebox';
import { FailureGroupSchema } from '../build/failure-group.js';
import { declareRoute } from '../route.js';
import { closed, ofBuild, pageFields } from './shared.js';

/** Each group has atoms and lines, so a page is shorter than others. */
const MAX_GROUPS = 100;

/** The failures of a build. */
export const failureRoutes = {
  listFailureGroups: declareRoute({
    method: 'GET',
    path: '/v1/build/:buildId/failure-group',
    signing: 'none',
    summary: 'The failed atoms of a build in groups whose outputs end alike, the largest group first.',
    params: ofBuild,
    query: Type.Object(
      {
        offset: pageFields.offset,
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_GROUPS, default: 20 })),
      },
      closed,
    ),
    body: null,
    status: 200,
    response: Type.Object({
      groups: Type.Array(FailureGroupSchema),
      total: Type.Integer({ description: 'Number of all groups.' }),
      num_without_output: Type.Integer({
        description:
          'Failed atoms whose output is not known; of older slaves, it is read some atoms at a time.',
      }),
    }),
  }),
} as const;
