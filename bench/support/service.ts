import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { atExit } from './at-exit.js';
import { type ProcessUsage, usageOf } from './usage.js';

/** For profiling a process: `BENCH_NODE_OPTIONS='--cpu-prof --cpu-prof-dir=/tmp/profile'`. */
const nodeOptions = (process.env.BENCH_NODE_OPTIONS ?? '').split(' ').filter((option) => option !== '');

export const binary = fileURLToPath(new URL('../../../bin/clusterrunner', import.meta.url));

/** A running process of the program. */
export interface Service {
  /** The match of the first group of `ready`. */
  readonly said: string;
  usage(): ProcessUsage;
  /** Sends SIGTERM, and waits for its end. */
  stop(): Promise<void>;
  /** The same with SIGKILL. */
  kill(): Promise<void>;
}

/**
 * Starts `clusterrunner ARGS`, and resolves when its output matches `ready`. `prefix`: a command that becomes its command.
 * It is killed when this process ends before it.
 * @throws Error when it ends before
 */
export async function service(
  args: readonly string[],
  ready: RegExp,
  env: NodeJS.ProcessEnv,
  prefix: readonly string[] = [],
): Promise<Service> {
  const [program = '', ...words] = [...prefix, process.execPath, ...nodeOptions, binary, ...args];
  const child = spawn(program, words, {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const forget = atExit(() => child.kill('SIGKILL'));
  child.once('exit', forget);
  const said = await untilSaid(child, ready);
  if (said === null) {
    throw new Error(`clusterrunner ${args.join(' ')} ended before it was ready.`);
  }
  child.stdout?.resume();
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await ended;
  };
  return {
    said,
    usage: () => usageOf(child.pid ?? 0),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

/** Starts a master, on a free port unless one is given. */
export async function startMaster(
  env: NodeJS.ProcessEnv,
  port = 0,
): Promise<Service & { readonly url: string }> {
  const master = await service(['master', '-p', String(port)], /listening on \S+:(\d+)\n/, env);
  return { ...master, url: `http://127.0.0.1:${master.said}` };
}

function untilSaid(child: ChildProcess, ready: RegExp): Promise<string | null> {
  return new Promise((resolve) => {
    let said = '';
    child.once('exit', () => resolve(null));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-10_000);
      const line = ready.exec(said)?.[1];
      if (line !== undefined) {
        resolve(line);
      }
    });
  });
}
