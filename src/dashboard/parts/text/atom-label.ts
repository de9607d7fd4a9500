/**
 * The value of an atom for people, from the shell text of the API that sets it: `a.txt` of `export FILE=a.txt;`. It is
 * `FILE=a.txt` where the atoms of the build set several variables or the value is blank, and the whole text where only a
 * shell could tell the value.
 */
export function atomLabel(command: string, variables: readonly string[]): string {
  const [setter = '', variable = ''] = /^\s*export\s+([A-Za-z_]\w*)=/.exec(command) ?? [];
  const [, word = '', rest = ''] = WORD.exec(command.slice(setter.length)) ?? [];
  if (setter === '' || !/^\s*;?\s*$/.test(rest)) {
    return command;
  }
  const value = word.replace(PIECE, (_, single?: string, double?: string, escaped?: string, bare?: string) =>
    [single, double, escaped, bare].join(''),
  );
  return variables.length > 1 || value.trim() === '' ? `${variable}=${value}` : value;
}

/** A part of a shell word: in single quotes, in double quotes with no other reference, escaped, or bare. Its parentheses are groups. */
const PIECE = /'([^']*)'|"(\$PROJECT_DIR|[^"\\$`]*)"|\\([^\n])|([^\s'"\\;&|<>\x28\x29$`*?[\]#~!{}])/g;
const WORD = new RegExp(`^((?:${PIECE.source.replace(/\((?!\?)/g, '(?:')})*)([\\s\\S]*)$`);
