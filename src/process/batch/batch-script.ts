import { quoteForShell } from '../../lib/text/shell-quote.js';
import { isForkSafeCommand } from './fork-safe-command.js';
import type { BatchItem } from './item-runner.js';

/*
 * The script of a shell that runs one command for many items, one after another, batch after batch. Starting a process
 * out of a shell costs a third of what starting it out of Node does, and Node reads two lines for each instead of
 * living through every process.
 *
 * It reads from descriptor 4, each ended by a NUL: a word, which comes when the watchdog knows of it, so nothing outlives
 * whoever started it; the command; and then for each batch the path of a file that lists its items. From descriptor 5 it
 * reads, ended by a NUL, the path of the pipe that takes stdout and stderr of the next item. Job control
 * (`set -m`) gives each item a process group of its own. The shell says on descriptor 3, a line each:
 *
 *   p PID                an item begins; PID is its leader, which is also its process group. Said by the leader itself
 *                        before it becomes the command, so whoever reads to the end of the descriptor knows of every
 *                        group
 *   l                    the leader has ended and others of its group live, or others that it has started are children
 *                        of the shell's warden by now; the shell waits for a NUL on descriptor 4 before it goes on
 *   e CODE BEGIN END     the item has ended; CODE as in `$?`, times in seconds since the epoch
 *   d                    the batch is done
 *
 * A fork shares the memory of its shell until either writes to it, and each page that one writes to costs as much as
 * dozens of system calls; so there are no functions here and as few variables as can be.
 *
 * It is one line, because messages of the shell name the line, and what is evaluated counts on from where it stands.
 */
const script = (run: string, hasWarden: boolean) =>
  [
    "IFS= read -r -d '' _cr_word <&4 && IFS= read -r -d '' _cr_command <&4 || exit; set -m;",
    "while IFS= read -r -d '' _cr_list <&4; do",
    "while IFS= read -r -d '' _cr_setting <&6; do",
    "IFS= read -r -d '' _cr_console <&5 || exit;",
    '_cr_begin=$EPOCHREALTIME;',
    '{',
    'printf "p %s\\n" "$BASHPID" >&3;',
    'exec 3>&- 4<&- 5<&- 6<&- </dev/null >"$_cr_console" 2>&1 || exit 126;',
    'eval "$_cr_setting";',
    run,
    '} &',
    'wait "$!"; _cr_code=$?;',
    WHILE_STOPPED,
    '_cr_end=$EPOCHREALTIME;',
    `if kill -0 -- "-$!"${hasWarden ? OTHERS_OF_WARDEN : ''};`,
    'then echo l >&3; IFS= read -r -d "" _cr_word <&4; fi;',
    'printf "e %s %s %s\\n" "$_cr_code" "$_cr_begin" "$_cr_end" >&3;',
    'done 6<"$_cr_list"; echo d >&3; done',
  ].join(' ');
/**
 * Of one that is stopped, bash says at once which signal that was: 128 + 17 to 22. It has `wait -f` for that, which
 * looks at memory that it has freed, and then spins for ever (seen in 5.2, `wait_for: No record of process`).
 */
const WHILE_STOPPED =
  'while ((_cr_code > 144 && _cr_code < 151)); do' +
  ' kill -0 "$!" || { wait "$!"; _cr_code=$?; break; };' +
  ' sleep 0.05;' +
  ' wait "$!"; _cr_code=$?;' +
  ' done;';
/** Of the shell itself there are no children at this point. */
const OTHERS_OF_WARDEN =
  ' || { _cr_word=; read -r _cr_word </proc/$PPID/task/$PPID/children; [[ $_cr_word && $_cr_word != $$ ]]; }';
const IN_NEW_SHELL = 'exec "$BASH" -o pipefail -c "$_cr_command";';
const IN_FORK = 'set +m; set --; eval "$_cr_command";';

/**
 * For bash from version 5, which has EPOCHREALTIME. `command` is shell text; see isForkSafeCommand. What BASH_ENV names is
 * run by each new bash. `hasWarden`: the parent of the shell is its warden; see warden.ts.
 */
export function batchScript(
  command: string,
  env: Readonly<Record<string, string>>,
  hasWarden: boolean,
): string {
  return script(isForkSafeCommand(command) && env.BASH_ENV === undefined ? IN_FORK : IN_NEW_SHELL, hasWarden);
}

/** What the shell reads of a batch's items. */
export function batchList(items: readonly BatchItem[]): string {
  return items
    .map(({ env, folder }) => {
      const exports = Object.entries(env).map(([name, value]) => `${name}=${quoteForShell(value)}`);
      const exported = exports.length === 0 ? ':' : `export ${exports.join(' ')}`;
      const quoted = folder === undefined ? null : quoteForShell(folder);
      return `${exported}${quoted === null ? '' : `; [ -d ${quoted} ] || mkdir -p -m 700 -- ${quoted}`}\0`;
    })
    .join('');
}

export type BatchMessage =
  | { readonly kind: 'begins'; readonly leader: number }
  | { readonly kind: 'leaves others' }
  | { readonly kind: 'ended'; readonly exitCode: number; readonly seconds: number }
  | { readonly kind: 'done' };

/** One line of descriptor 3. @throws Error for anything else */
export function parseBatchMessage(line: string): BatchMessage {
  const [kind, ...rest] = line.split(' ');
  switch (kind) {
    case 'p':
      return { kind: 'begins', leader: Number(rest[0]) };
    case 'l':
      return { kind: 'leaves others' };
    case 'e': {
      // Some locales write a comma.
      const [exitCode = Number.NaN, begin = 0, end = 0] = rest.map((text) => Number(text.replace(',', '.')));
      return { kind: 'ended', exitCode, seconds: Math.max(0, end - begin) };
    }
    case 'd':
      return { kind: 'done' };
    default:
      throw new Error(`The shell of a batch said "${line.slice(0, 80)}", which means nothing.`);
  }
}
