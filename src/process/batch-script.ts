import { quoteForShell } from '../lib/shell-quote.js';

export interface BatchItem {
  /** What this item's command sees beside the environment of the batch. */
  readonly env: Readonly<Record<string, string>>;
  /** File to which its stdout and stderr are added. */
  readonly console: string;
}

/*
 * The script of a shell that runs one command for many items, one after another. Starting a shell out of a shell
 * costs a third of what starting it out of Node does, and Node reads a few words for each instead of living through
 * every process.
 *
 * It begins when a line comes on descriptor 4: then the watchdog knows of it, so nothing outlives whoever started it.
 * Job control (`set -m`) gives each item a process group of its own. The shell says on descriptor 3, a line each:
 *
 *   s INDEX                  the item begins
 *   p PID                    its leader, which is also its process group; said by the leader itself before it becomes
 *                            the command, so whoever reads to the end of the descriptor knows of every group
 *   l INDEX                  the leader has ended and others of its group live; the shell waits for a line on
 *                            descriptor 4 before it goes on
 *   e INDEX CODE BEGIN END   the item has ended; CODE as in `$?`, times in seconds since the epoch
 */

const PROLOGUE = `read -r _ <&4 || exit
set -m
item() {
  printf 's %s\\n' "$1" >&3
  begin=$EPOCHREALTIME
  (
    printf 'p %s\\n' "$BASHPID" >&3
    exec 3>&- 4<&- </dev/null >>"$2" 2>&1 || exit 126
    eval "$3"
    exec "$BASH" -o pipefail -c "$command"
  ) &
  leader=$!
  wait "$leader"
  code=$?
  end=$EPOCHREALTIME
  if kill -0 -- "-$leader" 2>/dev/null; then
    printf 'l %s\\n' "$1" >&3
    read -r _ <&4
  fi
  printf 'e %s %s %s %s\\n' "$1" "$code" "$begin" "$end" >&3
}
`;

/** For bash from version 5, which has EPOCHREALTIME. `command` is shell text. */
export function batchScript(command: string, items: readonly BatchItem[]): string {
  const lines = items.map(({ env, console }, index) => {
    const exports = Object.entries(env).map(([name, value]) => `${name}=${quoteForShell(value)}`);
    const setting = exports.length === 0 ? ':' : `export ${exports.join(' ')}`;
    return `item ${index} ${quoteForShell(console)} ${quoteForShell(setting)}\n`;
  });
  return `${PROLOGUE}command=${quoteForShell(command)}\n${lines.join('')}`;
}

export type BatchWord =
  | { readonly kind: 'begins'; readonly index: number }
  | { readonly kind: 'leader'; readonly pid: number }
  | { readonly kind: 'leaves others'; readonly index: number }
  | { readonly kind: 'ended'; readonly index: number; readonly exitCode: number; readonly seconds: number };

/** One line of descriptor 3. @throws Error for anything else */
export function parseBatchWord(line: string): BatchWord {
  const [kind, first = '', ...rest] = line.split(' ');
  const number = Number(first);
  switch (kind) {
    case 's':
      return { kind: 'begins', index: number };
    case 'p':
      return { kind: 'leader', pid: number };
    case 'l':
      return { kind: 'leaves others', index: number };
    case 'e': {
      // Some locales write a comma.
      const [exitCode = Number.NaN, begin = 0, end = 0] = rest.map((text) => Number(text.replace(',', '.')));
      return { kind: 'ended', index: number, exitCode, seconds: Math.max(0, end - begin) };
    }
    default:
      throw new Error(`The shell of a batch said "${line.slice(0, 80)}", which means nothing.`);
  }
}
