/**
 * A line without operators, comments, escapes and command substitutions, except in quotes: one simple command for any
 * shell.
 */
const PLAIN = /^(?:[\w ./=:,@%+*?~[\]$-]|"[\w ./=:,@%+*?~[\]$#;&|<>()!-]*"|'[^'\\\n]*')+$/;
const SUBSTITUTION = /\$[({['"]/;

/** Whether a line may set options of the shell, or run text that does. */
const MAY_SET_OPTIONS = /(?:^|[\s;&|({])(?:set|shopt|eval|trap|source|\.)\s/m;
/** Joins two lines; unlike `&&`, it leaves `set -e` in force within the first. */
const UNLESS_FAILED = 'case $? in 0) ;; *) exit $? ;; esac';
/** Group 1 has the options of a shebang line. */
const OPTIONS_OF_FIRST_LINE =
  /^#!.*?[/ ](?:ba|da)?sh((?: +(?:-[eux]*o (?:errexit|nounset|pipefail|xtrace)|-[eux]+))+)[ \t]*(?=\n)/;

/**
 * The lines of a section as one shell text that stops at the first line that fails. State that a line sets (`cd`, `export`,
 * `$!`) holds for the following ones. Nulls and lines without a command are left out; a trailing `;` or `&&` is dropped.
 *
 * A line that is more than one simple command (such as `a || b`, `a; b` or `server &`) becomes a group that ends on a line of
 * its own. So neither its operators nor a comment or here-document at its end reach into the next line.
 *
 * Lines are joined by `&&`, which makes a shell ignore `set -e` in all but the last; so where a line may set it, the status
 * of each is checked instead. Options in a first line like `#!/bin/bash -e` count as set there.
 */
export function shellText(lines: readonly (string | null)[]): string {
  const commands = lines.flatMap((line) => {
    const command = line === null ? null : commandOf(line);
    return command === null ? [] : [withOptionsOfFirstLine(command)];
  });
  const joint = commands.some((command) => MAY_SET_OPTIONS.test(command)) ? `\n${UNLESS_FAILED}\n` : ' &&\n';
  return commands.map((command) => (isPlain(command) ? command : grouped(command))).join(joint);
}

function withOptionsOfFirstLine(command: string): string {
  const [, options] = OPTIONS_OF_FIRST_LINE.exec(command) ?? [];
  return options === undefined ? command : `set${options}\n${command}`;
}

/** The line without separators at its end; null when it has no command. */
function commandOf(line: string): string | null {
  let command = line.replaceAll('\r\n', '\n').trimStart();
  for (let shorter = dropEnd(command); shorter !== command; shorter = dropEnd(command)) {
    command = shorter;
  }
  const isEmpty = command.split('\n').every((row) => /^[ \t]*(#.*)?$/.test(row));
  return isEmpty ? null : command;
}

/** Drops one `;`, `&&` or blank at the end. An escaped one (`find … \;`) belongs to the command. */
function dropEnd(command: string): string {
  const last = command.at(-1) ?? '';
  const length = command.endsWith('&&') ? 2 : last === ';' || (last !== '' && ' \t\n'.includes(last)) ? 1 : 0;
  const rest = command.slice(0, command.length - length);
  return length === 0 || endsInEscape(rest) ? command : rest;
}

function endsInEscape(text: string): boolean {
  let backslashes = 0;
  while (text.at(-1 - backslashes) === '\\') {
    backslashes += 1;
  }
  return backslashes % 2 === 1;
}

function isPlain(command: string): boolean {
  return PLAIN.test(command) && !SUBSTITUTION.test(command);
}

function grouped(command: string): string {
  // A backslash at the end would join the closing brace to the command.
  return `{ ${command}${endsInEscape(command) ? '\n' : ''}\n}`;
}
