import { type Static, Type } from '@sinclair/typebox';
import { AtomIdSchema } from '../ids.js';

/*
 * What makes a page of a console cheap although it lies within a compressed archive: the tar is compressed in
 * blocks of equal size, each a gzip member of its own (RFC 1952, section 2.2 allows members in a row), and the
 * slave, who sees every byte anyway, notes where each console lies and how many lines end before each block.
 */

/** Bytes of the tar in each gzip member; the last one holds what is left. */
export const BLOCK_BYTES = 1024 * 1024;

const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

export const ConsoleIndexSchema = Type.Object(
  {
    atom_id: AtomIdSchema,
    /** Where the console's bytes begin in the tar. */
    offset: count,
    bytes: count,
    /** A last line without an end counts. */
    lines: count,
    /** Line ends of this console before each block boundary that lies within it, in order. */
    marks: Type.Array(count),
  },
  { additionalProperties: false },
);
export type ConsoleIndex = Static<typeof ConsoleIndexSchema>;

export const ResultIndexSchema = Type.Object(
  {
    /** Compressed bytes of each member; together the whole archive. */
    members: Type.Array(Type.Integer({ minimum: 1, maximum: 2 * BLOCK_BYTES })),
    consoles: Type.Array(ConsoleIndexSchema),
  },
  { additionalProperties: false },
);
export type ResultIndex = Static<typeof ResultIndexSchema>;
