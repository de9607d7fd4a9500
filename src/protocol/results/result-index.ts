import { type Static, Type } from '@sinclair/typebox';
import { AtomIdSchema } from '../ids.js';

/*
 * The index makes reading a page of a console cheap although it is in a compressed archive. The tar is compressed in
 * blocks of equal size, each a gzip member of its own (RFC 1952, section 2.2 allows consecutive members). The slave, which
 * sees every byte anyway, records where each console is and how many lines end before each block.
 */

/** Bytes of the tar in each gzip member; the last one has the rest. */
export const BLOCK_BYTES = 1024 * 1024;

const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

export const ConsoleIndexSchema = Type.Object(
  {
    atom_id: AtomIdSchema,
    /** Position of the console's first byte in the tar. */
    offset: count,
    bytes: count,
    /** Including a last line without a line end. */
    lines: count,
    /** The number of its line ends before each block boundary within it, in order. */
    marks: Type.Array(count),
  },
  { additionalProperties: false },
);
export type ConsoleIndex = Static<typeof ConsoleIndexSchema>;

export const ResultIndexSchema = Type.Object(
  {
    /** Compressed size of each member; their sum is that of the archive. */
    members: Type.Array(Type.Integer({ minimum: 1, maximum: 2 * BLOCK_BYTES })),
    consoles: Type.Array(ConsoleIndexSchema),
  },
  { additionalProperties: false },
);
export type ResultIndex = Static<typeof ResultIndexSchema>;
