import type { Writable } from 'node:stream';
import { execa } from 'execa';

/*
 * When this process is killed with SIGKILL it cannot end what it has started, and nobody else would. So a small shell
 * that outlives it is told of every process group, and ends those that are left when the pipe from here closes. Each
 * command begins a session of its own, so what belongs to it is found also in groups that were never told: those of
 * the atoms of a batch, of whose shell alone it knows. Commands and batches begin when it has been told of them.
 */

const GRACE_SECONDS = 5;

/** `stat` of Linux: process, name in brackets, state, parent, group, session. Elsewhere pgrep knows sessions. */
const SCRIPT = `
groups=' '
while read -r what group; do
  case $what in
    +) groups="$groups$group " ;;
    -) groups="\${groups%%" $group "*} \${groups#*" $group "}" ;;
  esac
done
case $groups in *[0-9]*) ;; *) exit ;; esac
members() {
  if test -r /proc/self/stat; then
    for directory in /proc/[0-9]*; do
      read -r stat < "$directory/stat" || continue
      set -- \${stat##*) }
      test "$1" = Z && continue
      case $groups in *" $3 "* | *" $4 "*) echo "\${directory#/proc/}" ;; esac
    done
  else
    for group in $groups; do
      pgrep -g "$group"
      pgrep -s "$group"
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
for round in 1 2 3; do
  for process in $(members); do
    kill -s KILL "$process"
  done
done
`;

let pipe: Writable | null = null;

/** To be called before a group is started, so that it can be watched at once. */
export function prepareToWatch(): void {
  pipe ??= startWatchdog();
}

/** From now on the group does not outlive this process by more than a few seconds. */
export function watchGroup(group: number): void {
  pipe ??= startWatchdog();
  pipe.write(`+ ${group}\n`);
}

/** The group is gone; its number may become that of another. */
export function unwatchGroup(group: number): void {
  pipe?.write(`- ${group}\n`);
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
  // Without it (it was killed, or there is no sh) everything else still works; the next group starts another.
  stdin.on('error', () => {
    pipe = null;
  });
  return stdin;
}
