import { shellText } from '../../job/shell-text.js';
import { TimeLimit } from '../../lib/async/time-limit.js';
import type { Clock } from '../../lib/clock.js';
import { digestOfFields } from '../../lib/digest-of-fields.js';
import type { PathAliases } from '../../lib/text/path-aliases.js';
import type { ConsolePipes } from '../../process/console/console-pipes.js';
import { runCommand } from '../../process/run-command.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { Surroundings } from '../../protocol/slave/optional-reports.js';

/** To be raised when the same surroundings get another digest. */
const FORMAT = '1';
/** A command that prints more prints no version. */
const MAX_BYTES = 16 * 1024;
const MAX_SECONDS = 60;
const GRACE_MS = 1_000;

export interface SurroundingsOfSlave {
  readonly projectDirectory: string;
  /** The environment of the commands of the build. */
  readonly env: Record<string, string>;
  readonly paths: PathAliases;
  readonly slave: string;
  readonly pipes: ConsolePipes;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/**
 * The digest of the platform, the values of the environment variables, and the output of the commands in `versions`.
 * @throws ClusterRunnerError PREPARATION_FAILED when one of the commands fails
 */
export async function surroundingsDigest(
  { environment, versions }: Surroundings,
  slave: SurroundingsOfSlave,
): Promise<string> {
  const { env } = slave;
  const variables = [...environment]
    .sort()
    .map((name) => (env[name] === undefined ? `${name} is not set` : `${name}=${env[name]}`));
  const outputs: string[] = [];
  for (const line of versions) {
    outputs.push(line, await outputOf(line, slave));
  }
  return digestOfFields([
    FORMAT,
    process.platform,
    process.arch,
    String(variables.length),
    ...variables,
    ...outputs,
  ]);
}

async function outputOf(
  line: string,
  { projectDirectory, env, paths, slave, pipes, signal, clock }: SurroundingsOfSlave,
): Promise<string> {
  const time = new TimeLimit(clock, MAX_SECONDS, signal);
  const { exitCode, ended, tail } = await runCommand({
    command: shellText([line]),
    cwd: projectDirectory,
    env,
    output: { kind: 'tail', maxBytes: MAX_BYTES, pipes },
    signal: time.signal,
    graceMs: GRACE_MS,
    clock,
  }).finally(() => time.end());
  signal.throwIfAborted();
  const output = tail ?? '';
  if (ended === 'canceled' || exitCode !== 0 || Buffer.byteLength(output) >= MAX_BYTES) {
    const how =
      ended === 'canceled'
        ? `took longer than ${MAX_SECONDS} s`
        : exitCode === 0
          ? `printed more than ${MAX_BYTES / 1024} KiB`
          : `exited with ${exitCode}`;
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `The command ${JSON.stringify(line)} in "versions" of "inputs" ${how} on the slave ${slave}; correct it. It printed:\n${paths.inText(output)}`,
    );
  }
  return paths.inText(output);
}
