/** An entry of a list on a line: the name of a variable in front of the command of an atomizer, and the rest. */
const ENTRY = /^\s*-[ \t]+((?:[A-Za-z_]\w*:[ \t]+)?)(\S.*?)\s*$/;
/** With these at its beginning, YAML does not read text as it stands. */
const SPECIAL = /^(?:[*&!%@`{}[\]>|"']|[?-](?:[ \t]|$))/;
/** Of a line of which only a part is shown. */
const MAX_SHOWN = 300;

/**
 * Advice on the line of a list entry whose command YAML does not read as it stands; null for another line. `hasVariable`:
 * a word with a colon in front is the variable of an atomizer. `isMisread`: it is known that it is read as something else.
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

/** Whether a value that begins on this line can go on below it: it begins with a quote or bracket. */
export function opensValue(line: string): boolean {
  const [, , rest = ''] = ENTRY.exec(line) ?? [];
  return /^["'{[]/.test(rest);
}

/**
 * Whether a `#` behind this beginning of a command is no comment for a shell: it stands in quotes, or a backslash is in
 * front of it.
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
