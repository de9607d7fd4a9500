import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { getuid } from 'node:process';
import { atExit } from './at-exit.js';

/** A machine of its own as far as the network is concerned: a network namespace of Linux with one cable to this machine. */
export interface RemoteMachine {
  /** The address of this machine, as the other one sees it. */
  readonly here: string;
  /** The words before a command that runs it there. */
  readonly prefix: readonly string[];
  /** Nothing passes the cable from now on, in either direction, and nobody is notified. */
  cut(): void;
  join(): void;
  remove(): void;
}

/** An address on the cable at which nobody listens: packets to it vanish, and neither end sees its cable break. */
const NOBODY = '02:00:00:00:00:01';

/** Whether this process may make network namespaces. Removes those of processes that were killed. */
export function hasNetworkNamespaces(): boolean {
  if (process.platform !== 'linux' || getuid?.() !== 0) {
    return false;
  }
  const listed = outputOf(['netns', 'list']);
  for (const [name, pid] of listed?.matchAll(/^bench-(\d+)-\d+/gm) ?? []) {
    if (!existsSync(`/proc/${pid}`)) {
      // Its cable goes with it.
      ip(['netns', 'del', name]);
    }
  }
  return listed !== null;
}

/** Makes the machine of this number, from 1 to 250. @throws Error when it cannot be made */
export function connectMachine(number: number): RemoteMachine {
  const name = `bench-${process.pid}-${number}`;
  const [cable, end] = [`bn${process.pid}.${number}a`, `bn${process.pid}.${number}b`];
  const [here, there] = [`10.213.${number}.1`, `10.213.${number}.2`];
  const inside = ['netns', 'exec', name, 'ip'];
  ip(['netns', 'add', name]);
  const remove = () => {
    forget();
    outputOf(['link', 'del', cable]);
    outputOf(['netns', 'del', name]);
  };
  const forget = atExit(remove);
  ip(['link', 'add', cable, 'type', 'veth', 'peer', 'name', end]);
  ip(['link', 'set', end, 'netns', name]);
  ip(['addr', 'add', `${here}/24`, 'dev', cable]);
  ip(['link', 'set', cable, 'up']);
  ip([...inside, 'addr', 'add', `${there}/24`, 'dev', end]);
  ip([...inside, 'link', 'set', end, 'up']);
  ip([...inside, 'link', 'set', 'lo', 'up']);
  return {
    here,
    prefix: ['ip', 'netns', 'exec', name],
    cut: () => {
      ip(['neigh', 'replace', there, 'lladdr', NOBODY, 'dev', cable, 'nud', 'permanent']);
      ip([...inside, 'neigh', 'replace', here, 'lladdr', NOBODY, 'dev', end, 'nud', 'permanent']);
    },
    join: () => {
      ip(['neigh', 'del', there, 'dev', cable]);
      ip([...inside, 'neigh', 'del', here, 'dev', end]);
    },
    remove,
  };
}

function ip(args: readonly string[]): string {
  return execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
}

/** null when the command fails. */
function outputOf(args: readonly string[]): string | null {
  try {
    return ip(args);
  } catch {
    return null;
  }
}
