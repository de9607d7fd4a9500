/** node:test gives it to every test. */
const SAYS_NOTHING: ReadonlySet<string> = new Set(['', 'test']);

/**
 * The class name of a test case that keeps the path of the suites that it stands in, `outer > inner > Given`: tests of
 * one name in different suites must stay different. A suite that the class name or the name of the test has in it
 * already is not repeated. `isOnlySuite`: the report has no other suite at its top, so its name tells nothing apart.
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

/** `.com.example.Shop.`: the separators differ between what a tool writes where. */
function steps(text: string): string {
  return `.${text.split(/[\s\\/.:>#]+/).join('.')}.`;
}
