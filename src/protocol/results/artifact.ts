import { type Static, Type } from '@sinclair/typebox';
import { Nullable } from '../shapes.js';

export const ArtifactEntrySchema = Type.Object(
  {
    path: Type.String({ description: 'In the folder of the atom.' }),
    bytes: Type.Integer(),
    link: Nullable(Type.String({ description: 'Where a symbolic link leads; null for a file.' })),
  },
  { additionalProperties: false },
);
export type ArtifactEntry = Static<typeof ArtifactEntrySchema>;

/** The name of an atom's folder in the results. Group 1 is its subjob. */
export const ATOM_FOLDER = /^artifact_(\d{1,9})_\d{1,9}$/;
