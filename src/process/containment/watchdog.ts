import type { Writable } from 'node:stream';
import { execa } from 'execa';

/*
 * When this process is killed with SIGKILL it cannot end what it has started, and nobody else would. So a small shell
 * that outlives it is told of the root of every family, see endFamily, and ends those that are left when the pipe from
 * here closes. So what belongs to a family is found although it was never told of: the atoms of a batch, of whose shell
 * alone it knows. Commands and batches begin when it has been told of them.
 */

const GRACE_SECONDS = 5;

/**
 * `stat` of Linux: process, name in brackets (of any characters), state, parent, group, session. Elsewhere pgrep knows
 * groups. Wardens go by themselves, when nobody is left for whom they are there; without them nobody could be found.
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
# What is killed may have started something in the moment before.
for round in 1 2 3 4 5; do
  for process in $(members); do
    kill -s KILL "$process"
  done
done
`;

let pipe: Writable | null = null;

/** To be called before a command is started, so that it can be watched at once. */
export function prepareToWatch(): void {
  pipe ??= startWatchdog();
}

/** From now on the family of `root` does not outlive this process by more than a few seconds. */
export function watchFamily(root: number, isWarden: boolean): void {
  pipe ??= startWatchdog();
  pipe.write(`${isWarden ? 'w' : '+'} ${root}\n`);
}

/** The family is gone; its number may become that of another. */
export function unwatchFamily(root: number): void {
  pipe?.write(`- ${root}\n`);
}

/** It keeps this process neither from ending nor from being ended. */
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
  // Without it (it was killed, or there is no sh) everything else still works; the next command starts another.
  stdin.on('error', () => {
    pipe = null;
  });
  return stdin;
}
