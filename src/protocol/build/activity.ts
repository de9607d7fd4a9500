import { type Static, Type } from '@sinclair/typebox';
import { AtomIdSchema } from '../ids.js';
import { literals, Nullable } from '../shapes.js';

/*
 * The part of a build that changes while it runs, for clients that watch it. Its size is bounded for builds of any size.
 */

export const MAX_RUNNING_SHOWN = 5;
export const MAX_SETTING_UP_SHOWN = 20;
export const MAX_FAILURES_KEPT = 20;
/** Longer names of atoms are cut here; `GET …/atom/:atomId` has the complete one. */
export const MAX_NAME_SHOWN = 200;

const name = Type.String({ description: 'The atom by its value; long names are cut.' });
const seconds = Type.Number({ minimum: 0 });

export const RunningAtomSchema = Type.Object(
  { atom_id: AtomIdSchema, name, slave: Type.String(), seconds },
  { additionalProperties: false },
);
export type RunningAtom = Static<typeof RunningAtomSchema>;

export const SettingUpSchema = Type.Object(
  { slave: Type.String(), seconds },
  { additionalProperties: false },
);
export type SettingUp = Static<typeof SettingUpSchema>;

export const AtomFailureSchema = Type.Object(
  {
    number: Type.Integer({ minimum: 1, description: 'Rises by one with each failure of the build.' }),
    atom_id: AtomIdSchema,
    name,
    outcome: literals(['FAILED', 'LOST'] as const),
    slave: Nullable(Type.String({ description: 'null for a lost atom.' })),
    seconds: Nullable(Type.Number({ minimum: 0 })),
    exit_code: Nullable(Type.Integer()),
  },
  { additionalProperties: false },
);
export type AtomFailure = Static<typeof AtomFailureSchema>;

export const ActivitySchema = Type.Object(
  {
    running: Type.Array(RunningAtomSchema, {
      description: `Atoms that run now, longest first; at most ${MAX_RUNNING_SHOWN}.`,
    }),
    setting_up: Type.Array(SettingUpSchema, {
      description:
        'Slaves that fetch the project, list its atoms or run setup_build, and have begun no atom since, longest first; ' +
        `at most ${MAX_SETTING_UP_SHOWN}.`,
    }),
    failures: Type.Object(
      {
        total: Type.Integer({ minimum: 0, description: 'The number of the latest failure.' }),
        latest: Type.Array(AtomFailureSchema, {
          description:
            `The latest ones, oldest first; at most ${MAX_FAILURES_KEPT}, and those since the master was started. ` +
            'An atom that runs again is none.',
        }),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);
export type Activity = Static<typeof ActivitySchema>;
