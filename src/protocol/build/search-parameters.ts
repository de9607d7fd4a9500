import { type Static, Type } from '@sinclair/typebox';
import { JobIdSchema } from '../ids.js';
import { literals } from '../shapes.js';
import { buildState, buildStatus } from './build.js';
import { FailureKeySchema } from './failure-group.js';

/*
 * Query parameters that choose and order the rows of lists. A list is as it was before them when none is given.
 */

/** passed includes flaky. An atom whose verdict is reported, and not final yet, counts as what was reported. */
export const soughtAtomState = [
  'not_started',
  'in_progress',
  'passed',
  'failed',
  'lost',
  'interrupted',
  'flaky',
] as const;
export type SoughtAtomState = (typeof soughtAtomState)[number];

/** The minus sign stands for the reverse order. */
export const atomOrder = [
  'id',
  'duration',
  '-duration',
  'name',
  'started',
  '-started',
  'failed_first',
] as const;
export type AtomOrder = (typeof atomOrder)[number];

const anyState = soughtAtomState.join('|');
const Text = (description: string) =>
  Type.String({
    maxLength: 1000,
    description: `${description} The case of the letters A to Z does not matter.`,
  });
const Seconds = (description: string) => Type.Number({ minimum: 0, maximum: 1_000_000_000, description });

export const atomSearchFields = {
  state: Type.Optional(
    Type.String({
      pattern: `^(${anyState})(,(${anyState}))*$`,
      maxLength: 200,
      description:
        'Atoms in one of these states, separated by commas. `passed` includes `flaky`; `in_progress` includes atoms that ' +
        'failed and are to run again; verdicts count as soon as they are reported.',
    }),
  ),
  q: Type.Optional(Text('Atoms whose `NAME=value` contains this text.')),
  slave: Type.Optional(
    Type.String({ maxLength: 255, description: 'Atoms that ran last on the slave with this name.' }),
  ),
  min_seconds: Type.Optional(Seconds('Atoms whose last run took at least so long.')),
  max_seconds: Type.Optional(Seconds('Atoms whose last run took at most so long.')),
  group: Type.Optional(FailureKeySchema),
  sort: Type.Optional(
    literals(atomOrder, {
      description:
        'Ascending, or with a minus sign descending; atoms without the value come last. By `id` unless given.',
    }),
  ),
};
const AtomSearchSchema = Type.Object(atomSearchFields);
export type AtomSearchQuery = Static<typeof AtomSearchSchema>;

/** `status` of builds, or their more precise `state`. */
export const soughtBuildStatus = [
  ...buildStatus,
  ...buildState.filter((state) => state !== 'BUILDING'),
] as const;
export type SoughtBuildStatus = (typeof soughtBuildStatus)[number];

export const queueOrder = ['oldest', 'next'] as const;

export const queueFields = {
  order: Type.Optional(
    literals(queueOrder, {
      description:
        'With `next`, the builds that wait for executors come first, in the order in which they get them, and `waiting` ' +
        'says why they wait.',
      default: 'oldest',
    }),
  ),
};

export const buildSearchFields = {
  order: Type.Optional(
    literals(['oldest', 'newest'] as const, { description: 'Which builds come first.', default: 'oldest' }),
  ),
  status: Type.Optional(
    literals(soughtBuildStatus, {
      description: 'Builds with this `status` or `state`; `BUILDING` stands for all that have not ended.',
    }),
  ),
  /** An id of the history. Builds of the job that run are found too. */
  job: Type.Optional(JobIdSchema),
  q: Type.Optional(
    Text(
      'Builds whose branch, commit, subject, author, job, or URL or folder of the project contains this text.',
    ),
  ),
};
