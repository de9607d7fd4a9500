import { type Static, Type } from '@sinclair/typebox';

/*
 * The files of a commit go from their source through the master to the slaves as git bundles, one for each commit. The source
 * is the slave that prepared a build or the command that made a snapshot. A bundle has the whole commit, or its difference to
 * another commit, its base. A bundle, the bundle of its base and so on form a chain that ends in a whole one. The master does
 * not read bundles; the receiver lets git verify that a bundle has the commit of its name.
 */

/** The whole hash of a commit, in lower case. */
export const CommitSchema = Type.String({ pattern: '^([0-9a-f]{40}|[0-9a-f]{64})$' });

/** One bundle of a chain. */
export const BundleSchema = Type.Object(
  {
    commit: CommitSchema,
    /** The commit that its receiver must have already; null for a whole one. */
    base: Type.Union([CommitSchema, Type.Null()]),
    bytes: Type.Integer({ minimum: 0 }),
    /** SHA-256 of the bundle. The list of a chain is signed, the bytes of its bundles are not. */
    digest: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  },
  { additionalProperties: false },
);
export type BundleInfo = Static<typeof BundleSchema>;

/** Most commits in one request. */
export const MAX_COMMITS_ASKED = 1000;
/** Longest chain. A longer one would cost a new slave more in requests than a whole bundle costs in bytes. */
export const MAX_CHAIN = 32;
