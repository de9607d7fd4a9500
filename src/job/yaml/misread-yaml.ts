/** A list entry on one line: the variable of an atomizer, if any, and the command. */
const ENTRY = /^\s*-[ \t]+((?:[A-Za-z_]\w*:[ \t]+)?)(\S.*?)\s*$/;
/** At its beginning, YAML does not read these as plain text. */
const SPECIAL = /^(?:[*&!%@`{}[\]>|"']|[?-](?:[ \t]|$))/;
/** The longest line that is shown quoted. */
const MAX_SHOWN = 300;

/**
 * Advice for the line of a list entry whose command YAML does not read as plain text; null for other lines. `hasVariable`: a
 * leading word with a colon is the variable of an atomizer. `isMisread`: the line is known to be misread.
 */
export function quotesAdvice(line: string, hasVariable: boolean, isMisread = false): string | null {
  const [, variable = '', rest = ''] = ENTRY.exec(line) ?? [];
  const command = hasVariable ? rest : variable + rest;
  if (command === '' || !(isMisread || SPECIAL.test(command) || /:(?:\s|$)|\s#/.test(command))) {
    return null;
  }
  const front = hasVariable ? variable : '';
  const quoted = `- ${front}'${command.replaceAll("'", "''")}'`;
  return quoted.length > MAX_SHOWN ? 'put the line in quotes' : `put the line in quotes: ${quoted}`;
}

/** Whether a value that begins on this line can go on below it, since it begins with a quote or bracket. */
export function opensValue(line: string): boolean {
  const [, , rest = ''] = ENTRY.exec(line) ?? [];
  return /^["'{[]/.test(rest);
}

/**
 * Whether a `#` after this beginning of a command is no comment for a shell, since it is in quotes or after a backslash.
 */
export function isInQuotes(beginning: string): boolean {
  let quote: string | null = null;
  for (let at = 0; at < beginning.length; at += 1) {
    const character = beginning.charAt(at);
    if (character === '\\' && quote !== "'") {
      at += 1;
      if (at === beginning.length) {
        return true;
      }
    } else if (quote === null && (character === '"' || character === "'")) {
      quote = character;
    } else if (character === quote) {
      quote = null;
    }
  }
  return quote !== null;
}
