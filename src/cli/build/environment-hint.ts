import { basicVariables } from '../../job/command-environment.js';

const NAME = '[A-Z][A-Z0-9_]{2,}';
const ABSENT =
  '(?:not|never) (?:been )?(?:set|defined|found|provided)|(?:is|was|has)n.t (?:been )?(?:set|defined)|undefined|unset|missing|required|must be set';

/** Messages of programs that miss a variable; the group is its name. */
const MISSES_VARIABLE = [
  new RegExp(`\\b(${NAME}): (?:unbound variable|parameter (?:null or )?not set)`),
  new RegExp(
    `\\b(${NAME})\\b['"\\x60]?(?: environment| env)?(?: variable)? (?:is |was |has )?(?:${ABSENT})\\b`,
  ),
  new RegExp(`(?:environment variable|env var|variable)s?:? ['"\\x60$]?(${NAME})\\b`, 'i'),
  new RegExp(`\\b[Ss]et (?:the )?['"\\x60$]?(${NAME})\\b`),
  new RegExp(`KeyError: '(${NAME})'`),
];
/** Messages of shells and `env` that cannot find a program; the group is its name. */
const MISSES_PROGRAM = [
  /(?:^|[\s:])([^\s:]+): (?:command )?not found$/,
  /env: ['‘]?([^\s'’]+)['’]?: No such file or directory$/,
];
const NOT_FOUND = 127;

/**
 * A hint for a failure that looks as if a command missed a variable of the slave's environment, which commands see only as
 * far as it is passed through; null for any other failure.
 */
export function environmentHint(console: readonly string[], exitCode: number | null): string | null {
  const variable = lastMatch(console, MISSES_VARIABLE);
  if (variable !== null && !basicVariables.includes(variable)) {
    return `if ${variable} is set for the slave: its commands see it when env_passthrough names it`;
  }
  const program = lastMatch(console, MISSES_PROGRAM);
  if (program === null && exitCode !== NOT_FOUND) {
    return null;
  }
  return `${program ?? 'a program'} is not in the PATH of the slave; does it need a variable that env_passthrough must name?`;
}

function lastMatch(lines: readonly string[], patterns: readonly RegExp[]): string | null {
  for (const line of lines.toReversed()) {
    for (const pattern of patterns) {
      const [, name] = pattern.exec(line) ?? [];
      if (name !== undefined) {
        return name;
      }
    }
  }
  return null;
}
