import { type Static, Type } from '@sinclair/typebox';

/*
 * A search in a console goes through lines as people see them: without control sequences and without characters that are
 * invisible or change the direction of text.
 */

/** The longest text or expression to search for, in UTF-16 units. */
export const MAX_SEARCH_TEXT = 1000;

const count = { minimum: 0 };

export const ConsoleMatchSchema = Type.Object(
  {
    line: Type.Integer({
      ...count,
      description: 'Number of the line, from 0, as in the pages of the console.',
    }),
    column: Type.Integer({
      ...count,
      description: 'Where the first match begins in the visible line, in UTF-16 units from 0.',
    }),
    length: Type.Integer({ ...count, description: 'UTF-16 units of that match.' }),
    text: Type.String({ description: 'The visible line; of a long one the part around the match.' }),
    text_column: Type.Integer({ ...count, description: 'Where `text` begins in the visible line.' }),
  },
  { additionalProperties: false },
);
export type ConsoleMatch = Static<typeof ConsoleMatchSchema>;

export const ConsoleSearchSchema = Type.Object(
  {
    matches: Type.Array(ConsoleMatchSchema, { description: 'One for each line that matches.' }),
    from_line: Type.Integer({
      ...count,
      description:
        'The first line searched; while the atom runs, the beginning of a long console is not kept.',
    }),
    scanned_to_line: Type.Integer({
      ...count,
      description: 'The first line not searched: the next `from_line`.',
    }),
    done: Type.Boolean({ description: 'Whether all lines were searched, so far if the atom still runs.' }),
    total_num_lines: Type.Integer({ ...count, description: 'Lines printed, so far if the atom still runs.' }),
  },
  { additionalProperties: false },
);
export type ConsoleSearch = Static<typeof ConsoleSearchSchema>;
