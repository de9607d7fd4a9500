type Value = string | number | boolean | undefined;

/**
 * The target of a request: a declared path with its parameters filled in (`*name` keeps its slashes), and the query without
 * the values that are undefined.
 */
export function requestTarget(
  path: string,
  params: Readonly<Record<string, Value>>,
  query: Readonly<Record<string, Value>>,
): string {
  const filled = path.replace(/([:*])(\w+)/g, (_, kind: string, name: string) => {
    const value = String(params[name] ?? '');
    return kind === '*' ? value.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(value);
  });
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] satisfies [string, string]],
  );
  return given.length === 0 ? filled : `${filled}?${new URLSearchParams(given)}`;
}
