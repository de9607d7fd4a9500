import { type Static, Type } from '@sinclair/typebox';
import { Nullable } from '../shapes.js';

/** Longer subjects and names of branches are cut. */
export const MAX_REVISION_TEXT = 500;
const Text = (description: string) =>
  Nullable(Type.String({ minLength: 1, maxLength: MAX_REVISION_TEXT, description }));

/** The version of a project that a build tests, for people: nothing is decided by it. */
export const RevisionSchema = Type.Object(
  {
    commit: Type.String({
      pattern: '^([0-9a-f]{40}|[0-9a-f]{64})$',
      description: 'Hash of the commit; with `has_changes`, of the one under the changes.',
    }),
    branch: Text(
      'The branch that is checked out, or the ref that was asked for; null when it is not known or there is none.',
    ),
    subject: Text("First line of the commit's message."),
    has_changes: Nullable(
      Type.Boolean({
        description: 'Whether files were tested that are not as in the commit; null when it is not known.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type Revision = Static<typeof RevisionSchema>;

/** A text as `branch` and `subject` have it. */
export function revisionText(text: string): string | null {
  // Whole characters: half of a surrogate pair is no text.
  return (
    Array.from(text.trim())
      .slice(0, MAX_REVISION_TEXT / 2)
      .join('') || null
  );
}
