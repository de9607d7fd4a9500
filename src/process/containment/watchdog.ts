import type { Writable } from 'node:stream';
import { execa } from 'execa';

/*
 * When this process is killed with SIGKILL it cannot end the processes that it has started. So a small shell that outlives it
 * is notified of the root of each family (see endFamily), and ends the remaining families when the pipe from here closes.
 * Knowing the root is enough: the atoms of a series are found by the shell that runs them. Commands and series begin after
 * the watchdog has been notified.
 */

const GRACE_SECONDS = 5;

/**
 * `stat` of Linux: pid, name in parentheses (of any characters), state, parent, group, session. Elsewhere pgrep finds
 * groups. Wardens are not ended: they exit by themselves when their families are gone, and the families are found by them.
 */
const SCRIPT = `
roots=' '
wardens=' '
while read -r what root; do
  case $what in
    +) roots="$roots$root " ;;
    w) roots="$roots$root " wardens="$wardens$root " ;;
    -) case $roots in *" $root "*) roots="\${roots%%" $root "*} \${roots#*" $root "}" ;; esac
       case $wardens in *" $root "*) wardens="\${wardens%%" $root "*} \${wardens#*" $root "}" ;; esac ;;
  esac
done
case $roots in *[0-9]*) ;; *) exit ;; esac
table() {
  for directory in /proc/[0-9]*; do
    stat=
    while read -r line; do stat="$stat $line"; done < "$directory/stat" || continue
    set -- \${stat##*) }
    test "$1" = Z && continue
    echo "\${directory#/proc/} $2 $3 $4"
  done
}
members() {
  if test -r /proc/self/stat; then
    all=$(table)
    family=$roots
    before=
    while test "$before" != "$family"; do
      before=$family
      while read -r process parent group session; do
        case $family in *" $process "*) continue ;; esac
        case $family in *" $parent "*) family="$family$process "; continue ;; esac
        case $roots in *" $group "* | *" $session "*) family="$family$process " ;; esac
      done << END
$all
END
    done
    for process in $family; do
      case $wardens in *" $process "*) continue ;; esac
      kill -s 0 "$process" && echo "$process"
    done
  else
    for root in $roots; do
      pgrep -g "$root"
      pgrep -s "$root"
    done
  fi
}
for process in $(members); do
  kill -s TERM "$process" && kill -s CONT "$process"
done
for second in $(seq ${GRACE_SECONDS}); do
  test "$(members)" || exit
  sleep 1
done
# A process may start another just before it is killed.
for round in 1 2 3 4 5; do
  for process in $(members); do
    kill -s KILL "$process"
  done
done
`;

let pipe: Writable | null = null;

/** To be called before a command is started, so that watchFamily takes effect at once. */
export function prepareToWatch(): void {
  pipe ??= startWatchdog();
}

/** From now on the family of `root` outlives this process by a few seconds at most. */
export function watchFamily(root: number, isWarden: boolean): void {
  pipe ??= startWatchdog();
  pipe.write(`${isWarden ? 'w' : '+'} ${root}\n`);
}

/** To be called when the family is gone: the pid of its root may be reused. */
export function unwatchFamily(root: number): void {
  pipe?.write(`- ${root}\n`);
}

/** The watchdog does not keep this process from exiting. */
function startWatchdog(): Writable {
  const shell = execa('sh', ['-c', SCRIPT], {
    detached: true,
    cleanup: false,
    buffer: false,
    reject: false,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.unref();
  const { stdin } = shell;
  if ('unref' in stdin && typeof stdin.unref === 'function') {
    stdin.unref();
  }
  // When it was killed, or there is no sh, everything else still works; the next command starts another.
  stdin.on('error', () => {
    pipe = null;
  });
  return stdin;
}
