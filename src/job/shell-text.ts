/**
 * Characters that are no operator, comment, escape or substitution of commands, and quotes around such: a line of
 * these is one simple command, however a shell reads it.
 */
const PLAIN = /^(?:[\w ./=:,@%+*?~[\]$-]|"[\w ./=:,@%+*?~[\]$#;&|<>()!-]*"|'[^'\\\n]*')+$/;
const SUBSTITUTION = /\$[({['"]/;

/**
 * The lines of a section as one shell text, in which the first line that fails is the last that runs. What a line
 * sets (`cd`, `export`, `$!`) holds for those after it. Nulls and lines without a command are left out; a trailing
 * `;` or `&&` is dropped.
 *
 * A line that is more than one simple command becomes a group of its own, so that `a || b`, `a; b`, `server &`, a
 * comment or a here-document at its end cannot reach into the next one. The group ends on a line of its own.
 */
export function shellText(lines: readonly (string | null)[]): string {
  return lines
    .flatMap((line) => {
      const command = line === null ? null : commandOf(line);
      return command === null ? [] : [command];
    })
    .map((command) => (isPlain(command) ? command : grouped(command)))
    .join(' &&\n');
}

/** The line without what the joining replaces; null when there is nothing to run in it. */
function commandOf(line: string): string | null {
  let command = line.replaceAll('\r\n', '\n').trimStart();
  for (let shorter = dropEnd(command); shorter !== command; shorter = dropEnd(command)) {
    command = shorter;
  }
  const isEmpty = command.split('\n').every((row) => /^[ \t]*(#.*)?$/.test(row));
  return isEmpty ? null : command;
}

/** One `;`, `&&` or blank less at the end. An escaped one (`find … \;`) belongs to the command. */
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
