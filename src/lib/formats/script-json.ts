/**
 * A value as JSON for a `<script type="application/json">` of an HTML page. No text in it can end the element or begin a
 * comment, since it contains no `<`; line separators, which some programs take for line ends, are escaped too.
 */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}
