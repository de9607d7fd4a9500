/** `test` is the class name of every test of node:test. */
const SAYS_NOTHING: ReadonlySet<string> = new Set(['', 'test']);

/**
 * The class name of a test case with the path of its suites, `outer > inner > Given`, so that tests of one name in different
 * suites stay different. A suite that the class name or the name of the test contains already is not repeated.
 * `isOnlySuite`: the report has one top-level suite, so its name distinguishes nothing.
 */
export function classNameOf(
  given: string | undefined,
  name: string | undefined,
  suites: readonly string[],
  isOnlySuite: boolean,
): string | undefined {
  const path = suites.filter((suite, index) => suite.trim() !== '' && suite !== suites[index - 1]);
  if (given === undefined || SAYS_NOTHING.has(given)) {
    return path.length === 0 ? given : path.join(' > ');
  }
  if (path.length === 1 && isOnlySuite) {
    return given;
  }
  const said = `${steps(given)}${steps(name ?? '')}`;
  return [...path.filter((suite) => !said.includes(steps(suite))), given].join(' > ');
}

/** Normalizes separators, which differ even within one tool: `.com.example.Shop.`. */
function steps(text: string): string {
  return `.${text.split(/[\s\\/.:>#]+/).join('.')}.`;
}
