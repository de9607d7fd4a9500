import { type Static, Type } from '@sinclair/typebox';
import { Nullable } from '../shapes.js';

/** Longer subjects and names of branches are cut. */
export const MAX_REVISION_TEXT = 500;
const Text = (description: string) =>
  Nullable(Type.String({ minLength: 1, maxLength: MAX_REVISION_TEXT, description }));

/** The version of a project that a build tests. Only for people: no decision depends on it. */
export const RevisionSchema = Type.Object(
  {
    commit: Type.String({
      pattern: '^([0-9a-f]{40}|[0-9a-f]{64})$',
      description: 'Hash of the commit; with `has_changes`, of the one under the changes.',
    }),
    branch: Text(
      'The branch that is checked out, or the requested ref; null when it is unknown or there is none.',
    ),
    subject: Text("First line of the commit's message."),
    has_changes: Nullable(
      Type.Boolean({
        description: 'Whether tested files differ from the commit; null when it is unknown.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type Revision = Static<typeof RevisionSchema>;

/** Shortens a text for `branch` and `subject`. */
export function revisionText(text: string): string | null {
  // Array.from keeps surrogate pairs whole.
  return (
    Array.from(text.trim())
      .slice(0, MAX_REVISION_TEXT / 2)
      .join('') || null
  );
}
