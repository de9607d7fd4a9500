import { type TSchema, Type } from '@sinclair/typebox';

/**
 * The nouns and their numbers.
 *
 * | id          | given by | counts                                              |
 * | ----------- | -------- | --------------------------------------------------- |
 * | BuildId     | store    | from 1, always rising, also across restarts         |
 * | SubjobId    | grouping | from 0 within one build                             |
 * | AtomId      | atomizer | from 0 within one build (not within its subjob), so |
 * |             |          | that regrouping never renames an atom               |
 * | JobId       | store    | from 1, always rising                               |
 * | SlaveId     | store    | from 1, always rising                               |
 * | LeaseId     | store    | from 1, always rising                               |
 * | Attempt     | store    | from 1 for each subjob; taking a lease raises it    |
 *
 * They are branded: a SubjobId does not pass where a BuildId is asked for.
 */
declare const brand: unique symbol;
type Branded<Name extends string> = number & { readonly [brand]: Name };

export type BuildId = Branded<'BuildId'>;
export type SubjobId = Branded<'SubjobId'>;
export type AtomId = Branded<'AtomId'>;
export type JobId = Branded<'JobId'>;
export type SlaveId = Branded<'SlaveId'>;
export type LeaseId = Branded<'LeaseId'>;
export type Attempt = Branded<'Attempt'>;

const counted = <T>(minimum: 0 | 1, title: string) =>
  Type.Unsafe<T>(Type.Integer({ minimum, maximum: Number.MAX_SAFE_INTEGER, title }) as TSchema);

export const BuildIdSchema = counted<BuildId>(1, 'build id');
export const SubjobIdSchema = counted<SubjobId>(0, 'subjob id');
export const AtomIdSchema = counted<AtomId>(0, 'atom id');
export const JobIdSchema = counted<JobId>(1, 'job id');
export const SlaveIdSchema = counted<SlaveId>(1, 'slave id');
export const LeaseIdSchema = counted<LeaseId>(1, 'lease id');
export const AttemptSchema = counted<Attempt>(1, 'attempt');

/** Brands a number that is known to be an id, such as a row's key or a loop's index. */
export const toId = {
  build: (n: number): BuildId => n as BuildId,
  subjob: (n: number): SubjobId => n as SubjobId,
  atom: (n: number): AtomId => n as AtomId,
  job: (n: number): JobId => n as JobId,
  slave: (n: number): SlaveId => n as SlaveId,
  lease: (n: number): LeaseId => n as LeaseId,
  attempt: (n: number): Attempt => n as Attempt,
} as const;

/** The folder that holds one atom's results, in archives and in `build_results/`. */
export function atomFolder(subjob: SubjobId, atom: AtomId): string {
  return `artifact_${subjob}_${atom}`;
}
