import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';

export interface Ended {
  /** 128 plus the number of the signal if a signal ended it, as a shell counts. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** A started program, with its output so far. */
export class Program {
  /** Started since the last takeStarted(), or still running then. */
  static #started: Program[] = [];

  readonly ended: Promise<Ended>;
  readonly name: string;
  readonly #child: ChildProcess;
  #stdout = '';
  #stderr = '';
  #hasEnded = false;
  #changed: () => void = () => undefined;

  constructor(file: string, args: readonly string[], options: RunOptions) {
    this.name = [file, ...args].join(' ');
    const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#changed();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#changed();
    });
    this.ended = this.#untilEnded();
    // Only callers that await `ended` learn of a program that cannot be started.
    this.ended.catch(() => undefined);
    Program.#started.push(this);
  }

  static takeStarted(): readonly Program[] {
    const started = Program.#started;
    Program.#started = started.filter((program) => !program.hasEnded);
    return started;
  }

  get pid(): number {
    if (this.#child.pid === undefined) {
      throw new Error(`${this.name} could not be started.`);
    }
    return this.#child.pid;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves with the match as soon as stdout has one; rejects when the program ends without it. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#stdout);
      if (match !== null) {
        return match;
      }
      if (this.#hasEnded) {
        throw new Error(`${this.name} ended without saying ${pattern}.\n${this.#stdout}\n${this.#stderr}`);
      }
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  async #untilEnded(): Promise<Ended> {
    const [code, signal]: [number | null, NodeJS.Signals | null] = await once(this.#child, 'close').then(
      ([exitCode, by]) => [exitCode, by],
    );
    this.#hasEnded = true;
    this.#changed();
    const exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
    return { exitCode, stdout: this.#stdout, stderr: this.#stderr };
  }
}

/** Runs a program to its end. */
export function run(file: string, args: readonly string[], options: RunOptions): Promise<Ended> {
  return new Program(file, args, options).ended;
}

/** Process ids and command lines of all living processes with this environment variable. */
export function processesWith(name: string, value: string): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => readProc(pid, 'environ').split('\0').includes(`${name}=${value}`))
    .map((pid) => `${pid} ${readProc(pid, 'cmdline').split('\0').join(' ')}`);
}

/** Empty for a process that ended meanwhile, and for one of another user. */
function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (
      error instanceof Error &&
      'code' in error &&
      ['ENOENT', 'ESRCH', 'EACCES'].includes(String(error.code))
    ) {
      return '';
    }
    throw error;
  }
}
