import { type Static, Type } from '@sinclair/typebox';
import { AtomIdSchema, SubjobIdSchema } from '../ids.js';
import { resultFacts } from '../results/result-facts.js';
import { literals, Nullable } from '../shapes.js';
import { CachedFromSchema, notCached } from './cached-atom.js';

/*
 * Subjobs and atoms in `GET …/subjob` and `GET …/atom`.
 */

/**
 * An atom never returns to an earlier state. NOT_STARTED: its commands have never run. IN_PROGRESS: they run, or ran on a
 * lost slave and will run again elsewhere. COMPLETED: they have ended. While `outcome` is null, the subjob's results are not
 * delivered or the atom runs again, and `exit_code` is the last reported one.
 */
export const atomState = ['NOT_STARTED', 'IN_PROGRESS', 'COMPLETED'] as const;
export type AtomState = (typeof atomState)[number];

/**
 * PASSED, FAILED: its commands ended with 0 or another code. LOST: its slaves were lost while they ran it, and it is not
 * tried again; the build fails, although the atom may be fine. INTERRUPTED: it was running when the build was ended, so it
 * has no verdict.
 */
export const atomOutcome = ['PASSED', 'FAILED', 'LOST', 'INTERRUPTED'] as const;
export type AtomOutcome = (typeof atomOutcome)[number];

export const AtomSchema = Type.Object(
  {
    id: AtomIdSchema,
    subjob_id: SubjobIdSchema,
    command_string: Type.String({ description: 'Shell text that sets the variable of the atom.' }),
    state: literals(atomState),
    outcome: Nullable(literals(atomOutcome, { description: 'null until it is final.' })),
    slave: Nullable(Type.String({ description: 'Name of the slave that ran it last; null before any has.' })),
    num_retries: Type.Integer({
      description: 'How often it was run again because it failed, without runs that gave no verdict.',
    }),
    exit_code: Nullable(Type.Integer({ description: '128 + n when signal n ended it.' })),
    expected_time: Nullable(Type.Number({ description: 'Seconds, from earlier builds.' })),
    actual_time: Nullable(Type.Number({ description: 'Seconds.' })),
    started_at: Nullable(
      Type.Number({
        description:
          'When its last run began, in seconds since the epoch; null before any has, and if its slave did not report it.',
      }),
    ),
    error: Nullable(
      Type.String({
        description: 'What happened to a lost or interrupted atom, with the names of its slaves.',
      }),
    ),
    cached_from: Nullable(CachedFromSchema, {
      description:
        'Of a job that caches atoms: the run that it was taken from, with output and files. It has passed without a run then.',
    }),
    not_cached: Nullable(
      literals(notCached, { description: 'Of a job that caches atoms: why it had to run.' }),
    ),
    ...resultFacts,
  },
  { additionalProperties: false },
);
export type Atom = Static<typeof AtomSchema>;

export const SubjobSchema = Type.Object(
  {
    id: SubjobIdSchema,
    command: Type.String({ description: 'The shell text that runs for each atom.' }),
    atoms: Type.Array(AtomSchema),
    slave: Nullable(Type.String({ description: 'Name of the slave that holds it or held it last.' })),
    state: literals(atomState),
    attempt: Type.Integer({ description: 'How many times it was leased.' }),
  },
  { additionalProperties: false },
);
export type Subjob = Static<typeof SubjobSchema>;

export const ConsolePageSchema = Type.Object(
  {
    offset_line: Type.Integer({ description: 'Number of the first line of `content`, from 0.' }),
    num_lines: Type.Integer({ description: 'Lines in `content`.' }),
    total_num_lines: Type.Integer({ description: 'Lines printed, so far if the atom still runs.' }),
    content: Type.String({ description: 'Invalid UTF-8 is replaced; very long lines are cut.' }),
  },
  { additionalProperties: false },
);
export type ConsolePage = Static<typeof ConsolePageSchema>;
