import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('atom-process.mjs', import.meta.url));

/** A process that has loaded the tool, and waits for an atom. */
export class PreparedProcess {
  #child;
  #lines;

  /** Resolves when it waits. @throws Error when it ends before; it has printed why */
  static async start(config) {
    const process = new PreparedProcess(config, []);
    const first = await process.#untilReady();
    if (first.kind !== 'flags') {
      return process;
    }
    // The settings of mocha name options of node, which it can only get at its start.
    process.#child.stdio[3].end();
    await process.ended;
    const other = new PreparedProcess(config, first.flags);
    await other.#untilReady();
    return other;
  }

  constructor(config, flags) {
    this.#child = spawn(
      process.execPath,
      [...process.execArgv, ...flags, ...flagsOf(config), PROGRAM, JSON.stringify({ ...config, flags })],
      // Leads a process group, so that a signal of the atom to its group does not reach the worker.
      { detached: true, stdio: ['ignore', 'inherit', 'inherit', 'pipe'] },
    );
    const channel = this.#child.stdio[3];
    // The process may end while it is written to; `ended` has its exit code then.
    channel.on('error', () => channel.destroy());
    this.#lines = createInterface({ input: channel });
    this.ended = once(this.#child, 'exit').then(([code, signal]) => code ?? 128 + constants.signals[signal]);
  }

  get pid() {
    return this.#child.pid;
  }

  send(request) {
    this.#child.stdio[3].write(`${JSON.stringify(request)}\n`);
  }

  /** The next message of the process; never resolves when it has ended. */
  async nextLine() {
    const [line] = await once(this.#lines, 'line');
    return JSON.parse(line);
  }

  async #untilReady() {
    const first = await Promise.race([this.nextLine(), this.ended]);
    if (typeof first === 'number') {
      throw new Error(`The process for an atom exited with ${first} before it was ready.`);
    }
    return first;
  }
}

/** node:test reads the destination of its report at the start; the process opens the report there as soon as it has an atom. */
function flagsOf({ tool, junit, args }) {
  const reporters = ['spec=stdout', 'junit=/proc/self/fd/3'].flatMap((one) => {
    const [name, destination] = one.split('=');
    return [`--test-reporter=${name}`, `--test-reporter-destination=${destination}`];
  });
  return tool === 'mocha' ? [] : [...args, ...(junit ? reporters : [])];
}
