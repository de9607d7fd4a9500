import { type Static, Type } from '@sinclair/typebox';
import { Ajv } from 'ajv';
import { lazyValidator, ownSchemas } from '../../lib/lazy-validator.js';

/*
 * The list of the files and links in an archive, in a file beside it. It has one JSON array per line in the archive's order,
 * then a trailer with the position of each folder's lines, then the trailer's length in LENGTH_DIGITS digits. An archive of
 * a single block has no list, since it is decompressed in a few milliseconds.
 */

export const VERSION = 2;
/** For archives without files that the master has added. */
const OLDER_VERSION = 1;
export const MAX_TRAILER_BYTES = 16 * 1024 ** 2;
export const LENGTH_DIGITS = 12;
/** Lines between two positions from which a page can be read. */
export const LINES_PER_MARK = 1000;

const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
/** Path within the folder, bytes, target of a link or null, offset of the bytes in the tar. */
const LineSchema = Type.Tuple([Type.String(), count, Type.Union([Type.String(), Type.Null()]), count]);
const FolderSchema = Type.Object({
  total: count,
  /** Where its lines end in the list. */
  end: count,
  /** Where the lines 0, LINES_PER_MARK, … of it begin in the list. */
  marks: Type.Array(count),
  /** Files that the master has added at the end of the archive; offsets are within the tar of these. */
  added: Type.Optional(Type.Array(LineSchema)),
});
const TrailerSchema = Type.Object({
  version: Type.Union([Type.Literal(VERSION), Type.Literal(OLDER_VERSION)]),
  /** Compressed bytes of each member of the delivered archive … */
  members: Type.Array(Type.Integer({ minimum: 1 })),
  /** … and of those after them, which the master has added. */
  added: Type.Optional(Type.Array(Type.Integer({ minimum: 1 }))),
  folders: Type.Record(Type.String(), FolderSchema),
});

export type Trailer = Static<typeof TrailerSchema>;
export type ListedFolder = Static<typeof FolderSchema>;
export type Line = Static<typeof LineSchema>;

const ajv = new Ajv(ownSchemas);
export const trailerCheck = lazyValidator<Trailer>(ajv, TrailerSchema);
export const lineCheck = lazyValidator<Line>(ajv, LineSchema);

/** The path of the list of an archive. */
export function entryListPath(archive: string): string {
  return `${archive.replace(/\.tar\.gz$/, '')}.entries`;
}
