import { type Static, Type } from '@sinclair/typebox';
import { AtomIdSchema, BuildIdSchema, SubjobIdSchema } from '../ids.js';
import { literals, Nullable } from '../shapes.js';

/* Parts of the list of slaves. */

/**
 * CONNECTED: it works or waits for work. SUSPECT: nothing is heard from it for seconds; others may start its work too, and it
 * gets none. SICK: it gets no work at present, because of repeated failures or because it has paused itself (its disk is
 * full). DRAINING: it finishes its leases and leaves. GONE: it has left or was lost.
 */
export const slaveState = ['CONNECTED', 'SUSPECT', 'SICK', 'DRAINING', 'GONE'] as const;
export type SlaveState = (typeof slaveState)[number];

/** The minus sign stands for the reverse order. */
export const slaveOrder = ['id', 'name', '-busy', 'free_disk', 'last_seen', 'trouble_first'] as const;
export type SlaveOrder = (typeof slaveOrder)[number];

const anyState = slaveState.join('|');

export const slaveSearchFields = {
  state: Type.Optional(
    Type.String({
      pattern: `^(${anyState})(,(${anyState}))*$`,
      maxLength: 100,
      description: 'Slaves in one of these states, separated by commas.',
    }),
  ),
  q: Type.Optional(
    Type.String({
      maxLength: 1000,
      description:
        'Slaves whose name, version or reason contains this text. The case of the letters does not matter.',
    }),
  ),
  sort: Type.Optional(
    literals(slaveOrder, {
      description:
        'By `id` unless given. `-busy`: most executors in use first; `free_disk`: least first; `last_seen`: longest silent ' +
        'first; `trouble_first`: those that get no work, then by name, and those that are GONE at the end.',
    }),
  ),
};

/** Most entries of `work` of a slave. */
export const MAX_WORK_SHOWN = 100;

/** The work of one executor of a slave. */
export const SlaveWorkSchema = Type.Object(
  {
    build_id: BuildIdSchema,
    subjob_id: Nullable(SubjobIdSchema, { description: 'null for the preparation.' }),
    atom_id: Nullable(AtomIdSchema, { description: 'The atom that runs, as the slave reported last.' }),
    atom_name: Type.Optional(
      Type.String({ description: 'The name of that atom, in the response for one slave.' }),
    ),
    since: Type.Number({
      description: 'When the atom or otherwise the subjob began, in seconds since the epoch.',
    }),
  },
  { additionalProperties: false },
);
export type SlaveWork = Static<typeof SlaveWorkSchema>;
