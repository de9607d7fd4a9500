import { type Static, Type } from '@sinclair/typebox';
import { SlaveIdSchema } from '../ids.js';
import { literals, Nullable } from '../shapes.js';

/*
 * Which executor did what when in a build, in columns: arrays of equal lengths, whose values at the same place belong
 * together. So a build of 100,000 atoms takes less than a megabyte.
 */

/** The states of bars of atoms, by their numbers in the column `state`. A flaky one has passed after a retry. */
export const barState = ['in_progress', 'passed', 'failed', 'lost', 'interrupted', 'flaky'] as const;

/** How work ended that gave no result. */
export const fruitlessEnd = ['lost', 'returned', 'canceled'] as const;

const closed = { additionalProperties: false };
const column = (description: string) => Type.Array(Type.Integer({ minimum: 0 }), { description });
const executor = column('Places in `executors`.');
const start = column('Milliseconds after `begins`.');
const duration = column('Milliseconds.');
const durationSoFar = Type.Array(Nullable(Type.Integer({ minimum: 0 })), {
  description: 'Milliseconds; null for what has not ended.',
});

export const TimelineSchema = Type.Object(
  {
    now: Type.Number({ description: 'Seconds since the epoch, by the clock of the master.' }),
    begins: Type.Number({ description: 'When the build was requested, in seconds since the epoch.' }),
    ends: Nullable(Type.Number({ description: 'When the build ended; null while it runs.' })),
    cursor: Type.String({ description: 'For `since` of the next request.' }),
    complete: Type.Boolean({ description: 'Whether the build has ended, so that nothing will change.' }),
    whole: Type.Boolean({
      description:
        'Whether all atoms are here. If not, those are that may have changed since, and the other columns are complete.',
    }),
    num_unplaced: Type.Integer({
      description: 'Atoms that have run and are not here, since it is not known when they began.',
    }),
    preparations: Type.Array(
      Type.Object(
        {
          started_at: Type.Number({ description: 'Seconds since the epoch.' }),
          ended_at: Nullable(Type.Number()),
          slave: Type.String(),
        },
        closed,
      ),
      { description: 'The attempts to prepare the build, the newest 100 at most.' },
    ),
    executors: Type.Array(
      Type.Object(
        {
          slave_id: SlaveIdSchema,
          slave: Type.String(),
          index: Nullable(
            Type.Integer({ description: 'EXECUTOR_INDEX; null for work whose executor is not known.' }),
          ),
        },
        closed,
      ),
      { description: 'The executors that have worked on the build, by slave.' },
    ),
    setups: Type.Object(
      { executor, start, duration: durationSoFar },
      { ...closed, description: 'When executors set up the build, or waited for its setup.' },
    ),
    fruitless: Type.Object(
      {
        executor,
        start,
        duration,
        end: column('Places in `ends_of_fruitless`.'),
      },
      {
        ...closed,
        description:
          'Work that gave no result: its slave was lost, it was returned, or another slave was first with the same work.',
      },
    ),
    atoms: Type.Object(
      {
        id: column('Ids of atoms.'),
        executor,
        start,
        duration: durationSoFar,
        state: column('Places in `states`.'),
      },
      { ...closed, description: 'The last run of each atom that has begun.' },
    ),
    retried: Type.Object(
      { id: column('Ids of atoms.'), executor, start, duration },
      { ...closed, description: 'Earlier runs of these atoms, which failed.' },
    ),
    states: Type.Array(literals(barState), { description: 'The legend of the states of atoms.' }),
    ends_of_fruitless: Type.Array(literals(fruitlessEnd), { description: 'The legend of fruitless ends.' }),
  },
  closed,
);
export type Timeline = Static<typeof TimelineSchema>;
