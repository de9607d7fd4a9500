import type { Writable } from 'node:stream';
import { execa } from 'execa';

/*
 * When this process is killed with SIGKILL it cannot end what it has started, and nobody else would. So a small shell
 * that outlives it is told of every process group, and ends those that are left when the pipe from here closes. Only
 * a group that was started in the last millisecond before that may not be known to it.
 */

const GRACE_SECONDS = 5;

const SCRIPT = `
groups=' '
while read -r what group; do
  case $what in
    +) groups="$groups$group " ;;
    -) groups="\${groups%%" $group "*} \${groups#*" $group "}" ;;
  esac
done
for group in $groups; do
  kill -s TERM -- "-$group" && kill -s CONT -- "-$group"
done
for second in $(seq ${GRACE_SECONDS}); do
  alive=
  for group in $groups; do
    kill -s 0 -- "-$group" && alive=yes
  done
  test "$alive" || exit
  sleep 1
done
for group in $groups; do
  kill -s KILL -- "-$group"
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
