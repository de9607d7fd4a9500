import { type Static, Type } from '@sinclair/typebox';
import { AtomIdSchema, BuildIdSchema, SlaveIdSchema, SubjobIdSchema } from '../ids.js';
import { literals, Nullable } from '../shapes.js';
import { buildState } from './build.js';
import { notCached } from './cached-atom.js';

/**
 * Why a build has not ended yet.
 *
 * DISK_FULL: the master has no space for results. NO_SLAVE: no slave is connected. EXECUTORS_BUSY: all executors work, on
 * the builds in `builds`. BUILD_LIMIT: the build has as many executors as its `max_executors` allows. SLAVE_LIMIT: it has
 * `max_executors_per_slave` on every slave. SETUP_COST: executors are free on slaves that would take longer to set it up
 * than the rest takes elsewhere. REFUSED: no connected slave could run it. PREPARING: a slave fetches the project and lists
 * the atoms. RUNNING: atoms run. STARTING: a free executor is about to take it. NO_MASTER: its master does not run, and its past
 * builds are shown as they were left. ENDED: it has ended.
 */
export const waitReason = [
  'DISK_FULL',
  'NO_SLAVE',
  'EXECUTORS_BUSY',
  'BUILD_LIMIT',
  'SLAVE_LIMIT',
  'SETUP_COST',
  'REFUSED',
  'PREPARING',
  'RUNNING',
  'STARTING',
  'NO_MASTER',
  'ENDED',
] as const;
export type WaitReason = (typeof waitReason)[number];

const reasons = Type.Array(
  Type.Object(
    { reason: literals(waitReason), text: Type.String({ description: 'One sentence for people.' }) },
    { additionalProperties: false },
  ),
  { minItems: 1 },
);

const numExecutors = Type.Integer({ description: 'Executors of all connected slaves.' });
const numExecutorsClosed = Type.Optional(
  Type.Integer({
    description: 'Those of them on slaves that take no new work, since they are DRAINING, SICK or SUSPECT.',
  }),
);

/** Why the builds of a queue have not ended, and which of them gets executors next. */
export const QueueWaitSchema = Type.Object(
  {
    num_executors: numExecutors,
    num_executors_busy: Type.Integer(),
    num_executors_closed: numExecutorsClosed,
    builds: Type.Array(
      Type.Object(
        {
          build_id: BuildIdSchema,
          place: Nullable(
            Type.Integer({
              minimum: 1,
              description:
                'Its place among the builds that wait for executors; null when it waits for none, or holds all that it may.',
            }),
          ),
          reasons,
        },
        { additionalProperties: false },
      ),
      { description: 'One entry for each build of the page, in the same order.' },
    ),
  },
  { additionalProperties: false },
);
export type QueueWait = Static<typeof QueueWaitSchema>;

/** Which atoms of a build were cached, and why the others had to run. */
export const CacheExplanationSchema = Type.Object(
  {
    num_atoms_cached: Type.Integer(),
    not_cached: Type.Array(
      Type.Object(
        {
          reason: literals(notCached),
          text: Type.String({ description: 'The end of a sentence for people.' }),
          num_atoms: Type.Integer(),
        },
        { additionalProperties: false },
      ),
      { description: 'The most frequent reason first.' },
    ),
  },
  { additionalProperties: false },
);
export type CacheExplanation = Static<typeof CacheExplanationSchema>;

export const ExplanationSchema = Type.Object(
  {
    build_id: BuildIdSchema,
    state: literals(buildState),
    reasons,
    num_executors: numExecutors,
    num_executors_busy: Type.Integer(),
    num_executors_closed: numExecutorsClosed,
    builds: Type.Array(
      Type.Object(
        { build_id: BuildIdSchema, num_executors: Type.Integer() },
        { additionalProperties: false },
      ),
      { description: 'Builds that the busy executors work on.' },
    ),
    running: Type.Array(
      Type.Object(
        {
          subjob_id: Nullable(SubjobIdSchema),
          slave_id: SlaveIdSchema,
          slave: Type.String(),
          since: Type.Number({ description: 'Seconds since the epoch.' }),
          duplicate: Type.Boolean({
            description: 'Whether another slave had it before, and takes too long or is SUSPECT.',
          }),
          atoms: Type.Array(
            Type.Object({ id: AtomIdSchema, command_string: Type.String() }, { additionalProperties: false }),
            { description: 'Atoms that run now.' },
          ),
        },
        { additionalProperties: false },
      ),
      { description: 'At most a thousand; `subjob_id` is null for the preparation.' },
    ),
    cache: Type.Optional(
      Nullable(CacheExplanationSchema, {
        description: 'null until it is prepared, and when its job caches no atoms.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type Explanation = Static<typeof ExplanationSchema>;
