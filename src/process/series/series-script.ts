import { quoteForShell } from '../../lib/text/shell-quote.js';
import { isForkSafeCommand } from './fork-safe-command.js';
import type { SeriesItem } from './item-runner.js';

/*
 * The script of a shell that runs one command for many items, one after another, series after series. A shell starts a process
 * at a third of what it costs Node, and Node only reads two lines for each.
 *
 * The shell reads NUL-terminated strings. From descriptor 4: an empty one when the watchdog has been notified of the shell;
 * the command; then for each series the path of a file that lists its items. From descriptor 5: the path of the pipe that
 * takes stdout and stderr of the next item. Job control (`set -m`) gives each item a process group of its own. The shell
 * writes to descriptor 3, a line each:
 *
 *   p PID                an item begins; PID is its leader and process group. The leader writes it before it becomes the
 *                        command, so a reader that reads to the end knows all groups
 *   l                    the leader has ended, and others of its group live, or processes that it has started are
 *                        children of the shell's warden by now; the shell waits for a NUL on descriptor 4
 *   e CODE BEGIN END     the item has ended; CODE as in `$?`, times in seconds since the epoch
 *   d                    the series is done
 *
 * A fork shares the memory of its shell until one of them writes to it, and each page written costs as much as dozens of
 * system calls; so there are no functions, and as few variables as possible.
 *
 * The script is one line, because error messages of the shell count lines from there.
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
 * `wait` returns at once for a stopped process, with 128 + the signal (17 to 22). `wait -f` would wait further, but in bash 5.2
 * it can read freed memory and then spin forever (`wait_for: No record of process`).
 */
const WHILE_STOPPED =
  'while ((_cr_code > 144 && _cr_code < 151)); do' +
  ' kill -0 "$!" || { wait "$!"; _cr_code=$?; break; };' +
  ' sleep 0.05;' +
  ' wait "$!"; _cr_code=$?;' +
  ' done;';
/** The shell itself has no children at this point. */
const OTHERS_OF_WARDEN =
  ' || { _cr_word=; read -r _cr_word </proc/$PPID/task/$PPID/children; [[ $_cr_word && $_cr_word != $$ ]]; }';
const IN_NEW_SHELL = 'exec "$BASH" -o pipefail -c "$_cr_command";';
const IN_FORK = 'set +m; set --; eval "$_cr_command";';

/**
 * For bash 5 and later, which has EPOCHREALTIME. `command` is shell text; see isForkSafeCommand. With BASH_ENV a new bash per
 * item is needed, which runs that file. `hasWarden`: the parent of the shell is a warden, see warden.ts.
 */
export function seriesScript(
  command: string,
  env: Readonly<Record<string, string>>,
  hasWarden: boolean,
): string {
  return script(isForkSafeCommand(command) && env.BASH_ENV === undefined ? IN_FORK : IN_NEW_SHELL, hasWarden);
}

/** The content of the file that lists the items of a series. */
export function seriesList(items: readonly SeriesItem[]): string {
  return items
    .map(({ env, folder }) => {
      const exports = Object.entries(env).map(([name, value]) => `${name}=${quoteForShell(value)}`);
      const exported = exports.length === 0 ? ':' : `export ${exports.join(' ')}`;
      const quoted = quoteForShell(folder);
      return `${exported}; [ -d ${quoted} ] || mkdir -p -m 700 -- ${quoted}\0`;
    })
    .join('');
}

export type SeriesMessage =
  | { readonly kind: 'begun'; readonly leader: number }
  | { readonly kind: 'left others' }
  | { readonly kind: 'ended'; readonly exitCode: number; readonly seconds: number }
  | { readonly kind: 'done' };

/** Parses a line of descriptor 3. @throws Error for anything else */
export function parseSeriesMessage(line: string): SeriesMessage {
  const [kind, ...rest] = line.split(' ');
  switch (kind) {
    case 'p':
      return { kind: 'begun', leader: Number(rest[0]) };
    case 'l':
      return { kind: 'left others' };
    case 'e': {
      // Some locales write a comma.
      const [exitCode = Number.NaN, begin = 0, end = 0] = rest.map((text) => Number(text.replace(',', '.')));
      return { kind: 'ended', exitCode, seconds: Math.max(0, end - begin) };
    }
    case 'd':
      return { kind: 'done' };
    default:
      throw new Error(`The shell of a series sent an unknown message: "${line.slice(0, 80)}".`);
  }
}
