import { type Static, Type } from '@sinclair/typebox';
import { AffectedSchema } from '../build/build.js';
import { notCached } from '../build/cached-atom.js';
import { type JobInputs, VARIABLE_NAME } from '../build/job-inputs.js';
import { literals } from '../shapes.js';

/*
 * Fields of reports that a slave sends only to a master that takes them: an older one would refuse the whole report. The
 * master names the groups of such fields in each assignment, and an older slave ignores the names. So neither side needs
 * another protocol version.
 */

/**
 * - times: when atoms and the setup began, and on which executor of the slave.
 * - last_lines: the last lines of the output of atoms that failed.
 * - workers: the sections of a job about workers.
 * - batches: the section of a job about batches.
 * - changes: the atoms that changed files affect, and the sections of a job about them and about the order of atoms.
 * - inputs: the sections of a job about cached atoms, the digests of their inputs, and of the surroundings in which they ran.
 */
export const reportGroup = ['times', 'last_lines', 'workers', 'batches', 'changes', 'inputs'] as const;
export type ReportGroup = (typeof reportGroup)[number];

/** The groups that the master takes. Names that the slave does not know are those of a newer master. */
export const TakesSchema = Type.Optional(Type.Array(Type.String({ maxLength: 100 }), { maxItems: 100 }));

/** Whether the reports about this assignment may have the fields of the group. */
export function takes(
  { takes: groups = [] }: { readonly takes?: readonly string[] },
  group: ReportGroup,
): boolean {
  return groups.includes(group);
}

/** Longer than any lease, and its milliseconds are an exact number. */
const MAX_SECONDS = 1_000_000_000;
const Seconds = Type.Number({ minimum: 0, maximum: MAX_SECONDS });

/** Seconds from the arrival of the lease at the slave to the beginning of an atom, by the slave's monotonic clock. */
export const Began = Type.Optional(Seconds);

/** The most of an output in one report: the last lines, at most so many … */
export const MAX_LAST_LINES = 20;
/** … of so many bytes together. */
export const MAX_LAST_LINES_BYTES = 2 * 1024;

/** The end of the console of an atom that failed, masked like all of it; empty when it printed nothing. */
export const LastLines = Type.Optional(Type.String({ maxLength: MAX_LAST_LINES_BYTES }));

/** EXECUTOR_INDEX of the slave's executor that works on the lease. */
export const SlaveExecutor = Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 }));

/** So many atoms that changed files affect can run before others. */
export const MAX_AFFECTED_PLACES = 20_000;

/** The atoms of a list that changed files affect. */
export const AffectedAtomsSchema = Type.Object(
  {
    ...AffectedSchema.properties,
    /** The places in the list of those that are to run first: none where all are affected. */
    places: Type.Array(Type.Integer({ minimum: 0 }), { maxItems: MAX_AFFECTED_PLACES }),
  },
  { additionalProperties: false },
);
export type AffectedAtoms = Static<typeof AffectedAtomsSchema>;

/** The time before the first atom in which an executor fetched the project, ran `setup_build`, or waited for that. */
export const SetupTimeSchema = Type.Object(
  {
    /** As for an atom. */
    began: Seconds,
    seconds: Seconds,
  },
  { additionalProperties: false },
);
export type SetupTime = Static<typeof SetupTimeSchema>;

/** See digestOfFields. */
const DigestSchema = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' });

/** The digest of the platform, and of the environment variables and tools that `inputs` names, on a slave. */
export const SurroundingsDigest = Type.Optional(DigestSchema);

/** The parts of `inputs` that each slave looks up for itself. */
export const SurroundingsSchema = Type.Object(
  {
    environment: Type.Array(Type.String({ pattern: VARIABLE_NAME })),
    versions: Type.Array(Type.String()),
  },
  { additionalProperties: false },
);
export type Surroundings = Pick<JobInputs, keyof Static<typeof SurroundingsSchema>>;

/** The inputs of the atoms of a job that caches them. */
export const PreparedInputsSchema = Type.Object(
  {
    surroundings: DigestSchema,
    /** One for each atom: the digest of its inputs, or why it has none. */
    atoms: Type.Array(Type.Union([DigestSchema, literals(notCached)])),
  },
  { additionalProperties: false },
);
export type PreparedInputs = Static<typeof PreparedInputsSchema>;
