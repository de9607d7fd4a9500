import { type Static, Type } from '@sinclair/typebox';
import { AtomSchema } from './work.js';

/*
 * Failed and lost atoms in groups of probably the same cause: by the last lines of their output, without numbers, times, paths
 * and the like.
 */

/**
 * Keys of groups that have no lines in common. silent: they printed nothing. lost: their slaves were lost. other: the build has
 * too many groups. unknown: their output is not known (yet).
 */
export const specialGroup = ['silent', 'lost', 'other', 'unknown'] as const;
export type SpecialGroup = (typeof specialGroup)[number];

/** A key of any other group. */
const DIGEST = '[0-9a-f]{16}';
export const FailureKeySchema = Type.String({
  pattern: `^(${DIGEST}|${specialGroup.join('|')})$`,
  maxLength: 16,
  description: `The key of a group of failures; ${specialGroup.map((key) => `\`${key}\``).join(', ')} are groups without lines in common.`,
});

export const FailureGroupSchema = Type.Object(
  {
    key: FailureKeySchema,
    num_atoms: Type.Integer({ minimum: 1 }),
    sample_lines: Type.Array(Type.String(), {
      description:
        'The last lines of the output of one of them, as printed; empty for groups without lines in common.',
    }),
    atoms: Type.Array(AtomSchema, { description: 'The first few of them.' }),
  },
  { additionalProperties: false },
);
export type FailureGroup = Static<typeof FailureGroupSchema>;
