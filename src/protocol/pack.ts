import { type Static, Type } from '@sinclair/typebox';

/*
 * How the files of a commit travel from whoever has them (the slave that prepared a build, the command that made a
 * snapshot) over the master to the slaves: as git bundles, one for a commit, which hold all of it or what it has
 * more than another commit, their base. A bundle, its base's bundle and so on make a chain that ends in a whole one.
 * The master does not look into bundles; whoever fetches one has git check that it holds what its name says.
 */

/** The whole hash of a commit, in lower case. */
export const CommitSchema = Type.String({ pattern: '^([0-9a-f]{40}|[0-9a-f]{64})$' });

/** One bundle of a chain. */
export const PackSchema = Type.Object(
  {
    commit: CommitSchema,
    /** What who unpacks it must have already; null: nothing. */
    base: Type.Union([CommitSchema, Type.Null()]),
    bytes: Type.Integer({ minimum: 0 }),
    /** SHA-256 of the bundle: the list of a chain is signed, and the bytes of its bundles are not. */
    digest: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  },
  { additionalProperties: false },
);
export type Pack = Static<typeof PackSchema>;

/** So many commits can be asked for at once. */
export const MAX_COMMITS_ASKED = 1000;
/** A longer chain costs who has nothing yet more requests than a whole bundle does bytes. */
export const MAX_CHAIN = 32;
