import { closeSync, constants, openSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { waitWithTimeout } from '../../lib/async/wait-with-timeout.js';
import type { Clock } from '../../lib/clock.js';
import { BoundedLines } from '../../lib/text/bounded-lines.js';
import { messageOf } from '../../protocol/errors.js';
import {
  MAX_MESSAGE_BYTES,
  parseWorkerMessage,
  REQUESTS,
  RESPONSES,
  type RunRequest,
  type WorkerMessage,
} from '../../protocol/worker/worker-messages.js';
import type { ConsolePipe } from '../console/console-pipe.js';
import type { ConsolePipes } from '../console/console-pipes.js';
import { Tail } from '../console/tail.js';
import type { Survivor } from '../containment/family.js';
import { shellCall } from '../shell.js';
import { type Leader, spawnCommand } from '../spawn.js';
import { endLeader } from '../supervise.js';

/** How much of what a worker prints is kept. */
const TAIL_BYTES = 16 * 1024;
/** How long a worker may take to exit when one of its descriptors is closed. */
const EXIT_MS = 1000;
/** How long its descriptor may stay open after its exit: another process may have it open too. */
const LAST_MESSAGE_MS = 500;

export interface WorkerCommand {
  /** Shell text. */
  readonly command: string;
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly pipes: ConsolePipes;
  readonly clock: Clock;
}

export interface WorkerListener {
  onMessage(message: WorkerMessage): void;
  /** It has broken the protocol, closed its descriptor, or exited; `reason` is a sentence about it. Called at most once. */
  onFault(reason: string): void;
}

/** The process of a worker, its two descriptors for messages, and the end of what it prints. */
export class WorkerProcess {
  readonly leader: Leader;
  readonly #clock: Clock;
  readonly #requests: Duplex;
  readonly #pipes: ConsolePipes;
  readonly #output: ConsolePipe;
  readonly #tail = new Tail(TAIL_BYTES);
  #listener: WorkerListener | null;
  #hasExited = false;
  #ending: Promise<readonly Survivor[]> | null = null;

  /** @throws ClusterRunnerError UNAVAILABLE, PREPARATION_FAILED when no process can be started */
  static async start(options: WorkerCommand, listener: WorkerListener): Promise<WorkerProcess> {
    const { command, cwd, env, pipes } = options;
    const call = await shellCall(command);
    const output = await pipes.acquire();
    try {
      const target = openSync(output.path, constants.O_WRONLY);
      try {
        const leader = await spawnCommand(call, {
          cwd,
          env,
          stdout: target,
          stderr: target,
          isContinued: true,
          pipes: 2,
        });
        return new WorkerProcess(leader, output, options, listener);
      } finally {
        closeSync(target);
      }
    } catch (error) {
      pipes.release(output);
      throw error;
    }
  }

  private constructor(
    leader: Leader,
    output: ConsolePipe,
    { pipes, clock }: WorkerCommand,
    listener: WorkerListener,
  ) {
    const [requests, responses] = [REQUESTS, RESPONSES].map((descriptor) => leader.pipes[descriptor - 3]);
    if (requests === undefined || responses === undefined) {
      throw new Error('A worker was started without its pipes.');
    }
    this.leader = leader;
    this.#clock = clock;
    this.#requests = requests;
    this.#pipes = pipes;
    this.#output = output;
    this.#listener = listener;
    output.begin((bytes) => this.#tail.write(Buffer.from(bytes)));
    this.#listenTo(responses);
  }

  #listenTo(responses: Duplex): void {
    const lines = new BoundedLines(MAX_MESSAGE_BYTES);
    responses.on('data', (piece: Buffer) => {
      if (this.#listener === null) {
        return;
      }
      const { lines: complete, isTooLong } = lines.push(piece);
      for (const line of complete) {
        const message = parseWorkerMessage(line);
        if ('problem' in message) {
          this.#fault(`The worker wrote ${message.problem}.`);
          return;
        }
        this.#listener?.onMessage(message);
      }
      if (isTooLong) {
        this.#fault(`The worker wrote a line of more than ${MAX_MESSAGE_BYTES / 1024} KiB.`);
      }
    });
    void this.#listenForEnd(new Promise((resolve) => responses.once('close', resolve)));
  }

  /** The last message and the exit arrive by different ways, in any order. */
  async #listenForEnd(closed: Promise<unknown>): Promise<void> {
    const exited = this.leader.exited.then((exitCode) => `The worker exited with ${exitCode}.`, messageOf);
    const never = new AbortController().signal;
    let reason = `The worker closed descriptor ${RESPONSES}.`;
    void exited.then((why) => {
      this.#hasExited = true;
      reason = why;
    });
    await Promise.race([
      exited.then(() => waitWithTimeout(this.#clock, LAST_MESSAGE_MS, closed, never)),
      closed.then(() => waitWithTimeout(this.#clock, EXIT_MS, exited, never)),
    ]);
    this.#fault(reason);
  }

  #fault(reason: string): void {
    const listener = this.#listener;
    this.#listener = null;
    listener?.onFault(reason);
  }

  send(request: RunRequest): void {
    this.#requests.write(`${JSON.stringify(request)}\n`);
  }

  /** The end of what it has printed to its own stdout and stderr. */
  printed(): string {
    return this.#tail.text();
  }

  /** Ends it and everything that it has started. Nothing is reported any more. Resolves with what could not be ended. */
  end(graceMs: number): Promise<readonly Survivor[]> {
    this.#listener = null;
    this.#ending ??= this.#end(graceMs);
    return this.#ending;
  }

  async #end(graceMs: number): Promise<readonly Survivor[]> {
    this.#requests.destroy();
    try {
      return await endLeader(this.leader, { graceMs, clock: this.#clock, hasExited: this.#hasExited });
    } finally {
      for (const pipe of this.leader.pipes) {
        pipe.destroy();
      }
      this.#output.finish();
      this.#pipes.release(this.#output);
    }
  }

  /** Lets it exit by itself for a moment, then ends it. */
  async dismiss(): Promise<readonly Survivor[]> {
    this.#listener = null;
    this.#requests.end();
    const exited = this.leader.exited.catch(() => undefined);
    await waitWithTimeout(this.#clock, EXIT_MS, exited, new AbortController().signal);
    return this.end(EXIT_MS);
  }
}
