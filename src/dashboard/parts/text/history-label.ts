/** The name of an atom for people, from that in the history: the value of `VARIABLE=value` where all atoms set one variable. */
export function historyLabel(name: string, variables: readonly string[]): string {
  const value = name.slice(name.indexOf('=') + 1);
  return variables.length > 1 || value.trim() === '' ? name : value;
}
