import { type Static, Type } from '@sinclair/typebox';

const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** How much of a subjob's files and consoles goes into its results. The rest is left out or cut, and listed there. */
export const ResultLimitsSchema = Type.Object(
  {
    /** Total size of the files of one atom, as on the disk of the slave. */
    artifact_bytes: count,
    /** Number of files, folders and links of one atom. */
    artifact_files: count,
    /** Size of the console of one atom. */
    console_bytes: count,
    /** Total size of the files of all atoms of the subjob; 0 when the results of the build have reached their limit. */
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
