import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPackageJSON } from '../../src/lib/package-json.js';

const binary = join(
  dirname(fileURLToPath(new URL(`file://${findPackageJSON(import.meta.url)}`))),
  'bin',
  'clusterrunner',
);

export interface ServiceOptions {
  readonly name: string;
  readonly args: readonly string[];
  /** A module that is loaded into the process before its program. */
  readonly preload: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Its output is appended here. */
  readonly logFile: string;
  /** Called at an unexpected end, with the exit code as a shell counts it. */
  onUnexpectedEnd(exitCode: number): void;
}

/** A master or a slave that dies and is restarted many times. */
export class Service {
  readonly name: string;
  readonly #options: ServiceOptions;
  #child: ChildProcess | null = null;
  #exited: Promise<number> = Promise.resolve(0);
  #mayEnd = false;

  constructor(options: ServiceOptions) {
    this.name = options.name;
    this.#options = options;
    // An interrupted run leaves nothing behind.
    process.once('exit', () => this.#child?.kill('SIGKILL'));
  }

  get isRunning(): boolean {
    return this.#child !== null;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Does nothing when it runs. */
  start(): void {
    if (this.#child !== null) {
      return;
    }
    const { args, env, cwd, logFile, preload } = this.#options;
    const log = openSync(logFile, 'a');
    const child = spawn(process.execPath, ['--import', preload, binary, ...args], {
      cwd,
      env,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#child = child;
    this.#mayEnd = false;
    this.#exited = this.#untilExit(child);
  }

  /** Makes its end expected. Resolves with its exit code, as a shell counts it. */
  ended(): Promise<number> {
    this.#mayEnd = true;
    return this.#exited;
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended();
  }

  /** Asks it to end, and resolves with its exit code. */
  stop(): Promise<number> {
    this.signal('SIGTERM');
    return this.ended();
  }

  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL' || signal === 'SIGTERM') {
      this.#mayEnd = true;
    }
    this.#child?.kill(signal);
  }

  async #untilExit(child: ChildProcess): Promise<number> {
    const [code, by]: [number | null, NodeJS.Signals | null] = await once(child, 'exit').then(([a, b]) => [
      a,
      b,
    ]);
    this.#child = null;
    const exitCode = code ?? 128 + (by === null ? 0 : constants.signals[by]);
    if (!this.#mayEnd) {
      this.#options.onUnexpectedEnd(exitCode);
    }
    return exitCode;
  }
}
