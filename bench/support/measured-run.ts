import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

export interface MeasuredRun {
  /** As a shell counts it: 128 + n if signal n ended the command. */
  readonly exitCode: number;
  /** Until the command itself has ended. */
  readonly wallSeconds: number;
  /** In user and system mode, of the command and of all processes that it has started, until the last one has ended. */
  readonly cpuSeconds: number;
  readonly stdout: string;
}

/*
 * Node cannot learn the CPU time of a process that has ended. So a small program starts the command. As a subreaper (prctl(2))
 * it waits for all descendants, also for those whose parent has ended, and Linux adds up the time of those waited for.
 */
const METER = `
import ctypes, json, os, resource, sys, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
os.set_inheritable(3, False)
since = time.monotonic()
command = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
while True:
    try:
        process, status = os.wait()
    except ChildProcessError:
        break
    if process == command:
        seconds = time.monotonic() - since
        code = os.waitstatus_to_exitcode(status)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
figures = {"exitCode": code if code >= 0 else 128 - code, "wallSeconds": seconds, "cpuSeconds": used.ru_utime + used.ru_stime}
os.write(3, json.dumps(figures).encode())
`;

/** Runs a command to its end, on Linux with python3. @throws Error when it cannot be started or measured */
export async function measuredRun(
  command: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<MeasuredRun> {
  const child = spawn('python3', ['-I', '-S', '-c', METER, ...command], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  });
  const [stdout, figures] = [1, 3].map((descriptor) => textOf(child.stdio[descriptor]));
  await once(child, 'exit');
  const { exitCode, wallSeconds, cpuSeconds } = JSON.parse((await figures) || 'null') ?? {};
  if (exitCode === undefined) {
    throw new Error(`${command.join(' ')} could not be measured.`);
  }
  return { exitCode, wallSeconds, cpuSeconds, stdout: (await stdout) ?? '' };
}

/** Reads it to its end. */
async function textOf(stream: unknown): Promise<string> {
  if (!(stream instanceof Readable)) {
    throw new Error('A process was started without a pipe.');
  }
  return (await buffer(stream)).toString('utf8');
}
