import { type Static, Type } from '@sinclair/typebox';

const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** How much of what a subjob leaves goes into its results. What is beyond is left out, or cut, and named there. */
export const ResultLimitsSchema = Type.Object(
  {
    /** Of the files of one atom together, as they lie on the disk of the slave. */
    artifact_bytes: count,
    /** Files, folders and links of one atom. */
    artifact_files: count,
    /** Of the console of one atom. */
    console_bytes: count,
    /** Of the files of all its atoms together; 0 when the results of the build have no more room. */
    subjob_bytes: count,
  },
  { additionalProperties: false },
);
export type ResultLimits = Static<typeof ResultLimitsSchema>;

export const unlimited: ResultLimits = {
  artifact_bytes: Number.MAX_SAFE_INTEGER,
  artifact_files: Number.MAX_SAFE_INTEGER,
  console_bytes: Number.MAX_SAFE_INTEGER,
  subjob_bytes: Number.MAX_SAFE_INTEGER,
};
