import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { maskProjectDirectory, readAtomizerOutput, splitAtoms } from '../../job/atomizer-output.js';
import { valueProblem } from '../../job/command-environment.js';
import { durationSeconds } from '../../job/duration.js';
import { readJob } from '../../job/read-job.js';
import { shellText } from '../../job/shell-text.js';
import { assertRunnable } from '../../job/yaml/definition-problem.js';
import { TimeLimit } from '../../lib/async/time-limit.js';
import type { Clock } from '../../lib/clock.js';
import { textStart, utf8End } from '../../lib/text/text-ends.js';
import { runCommand } from '../../process/run-command.js';
import type { GivenAtom } from '../../protocol/build/build.js';
import type { NamedJob } from '../../protocol/build/job.js';
import { cachedInputs, dependencyCacheOf } from '../../protocol/build/job-inputs.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { takes } from '../../protocol/slave/optional-reports.js';
import type { ListedAtom, PrepareAssignment, Prepared } from '../../protocol/slave/slave-messages.js';
import { SizeLimit } from '../disk/size-limit.js';
import { abortable } from './abortable.js';
import { atomInputs, digestsOfDownloads } from './atom-inputs.js';
import { type BuildContext, CANCEL_GRACE_MS } from './build-context.js';
import { changedFiles, chooseAtoms, withChangedFiles } from './changed-files.js';
import { reportedJob } from './reported-job.js';

const TAIL_BYTES = 16 * 1024;
/** The output of all atomizers of a job. More is a mistake such as `find /`, and would use up the slave's memory. */
const MAX_LIST_BYTES = 64 * 1024 ** 2;
const MAX_ATOMS = 1_000_000;
/** The name of a job that is only given as `config`. */
const NAMELESS = 'config';

/**
 * Fetches the project, finds its job and lists its atoms.
 * @param scratch path of a file that does not exist, for the output of the atomizers
 * @throws ClusterRunnerError JOB_INVALID, PREPARATION_FAILED with a message for the build's owner
 */
export async function prepareBuild(
  assignment: PrepareAssignment,
  context: BuildContext,
  scratch: string,
  signal: AbortSignal,
  clock: Clock,
): Promise<Prepared> {
  const workspace = await abortable(context.workspace(), signal);
  const { projectDirectory, commit } = workspace;
  const job = await jobOf(assignment, projectDirectory);
  const inputs = takes(assignment, 'inputs') ? cachedInputs(job.definition) : null;
  // Before the atomizers can change them.
  const downloaded =
    inputs === null ? [] : await digestsOfDownloads(assignment.remote_files, projectDirectory);
  const files = await changedFiles(assignment, workspace);
  const [atoms, found, surroundings] = await Promise.all([
    assignment.atoms_override === null
      ? withChangedFiles(files, `${scratch}.changed`, (more) =>
          listAtoms({ job, context, projectDirectory, scratch, signal, clock, more }),
        )
      : atomsOfRequest(job, assignment.atoms_override),
    workspace.revision(),
    inputs === null ? null : context.surroundings(inputs),
  ]);
  const chosen =
    files === null || !takes(assignment, 'changes')
      ? { atoms }
      : chooseAtoms(files, job.definition, atoms, assignment.changes?.only_affected === true);
  requireListable(job, atoms);
  const reported = reportedJob(job, assignment);
  return {
    lease: assignment.lease,
    job: reported,
    commit,
    ...(found === null ? {} : { revision: found }),
    ...chosen,
    ...(inputs === null || surroundings === null
      ? {}
      : {
          inputs: {
            surroundings,
            atoms: await atomInputs({ job, inputs, tree: () => workspace.tree(), downloaded }, chosen.atoms),
          },
        }),
  };
}

async function jobOf(
  { config, job_name, project, inputs }: PrepareAssignment,
  projectDirectory: string,
): Promise<NamedJob> {
  if (config === null) {
    return readJob(projectDirectory, job_name, project.type === 'git');
  }
  const definition =
    inputs === undefined
      ? config
      : { ...config, inputs, cache: { ...dependencyCacheOf(config), atoms: true } };
  const job = { name: job_name ?? NAMELESS, definition };
  assertRunnable(job);
  return job;
}

/** An atom of the request without a variable of its own gets that of the first atomizer. */
function atomsOfRequest(job: NamedJob, given: readonly GivenAtom[]): ListedAtom[] {
  return given.flatMap((atom) => {
    const pairs = typeof atom === 'string' ? [[firstVariable(job), atom] as const] : Object.entries(atom);
    return pairs.map(([variable, value]) => checkedAtom(variable, value));
  });
}

function firstVariable({ name, definition }: NamedJob): string {
  const [variable] = definition.atomizers.flatMap((entry) => Object.keys(entry));
  if (variable === undefined) {
    throw new ClusterRunnerError(
      'JOB_INVALID',
      `The job ${name} has no atomizer that names the variable of its atoms; give it one.`,
    );
  }
  return variable;
}

interface Listing {
  readonly job: NamedJob;
  readonly context: BuildContext;
  readonly projectDirectory: string;
  readonly scratch: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** More variables of the atomizers. */
  readonly more: Readonly<Record<string, string>>;
}

/** The atomizers may take as long as the whole build. */
async function listAtoms(listing: Listing): Promise<ListedAtom[]> {
  const { job, signal, clock } = listing;
  const { build_timeout } = job.definition;
  const seconds = build_timeout === undefined ? null : durationSeconds(build_timeout);
  const time = new TimeLimit(clock, seconds, signal);
  try {
    return await runAtomizers({ ...listing, signal: time.signal });
  } catch (error) {
    if (!time.isOver || signal.aborted) {
      throw error;
    }
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `The atomizers of the job ${job.name} took longer than its build_timeout (${seconds} s) and were ended.`,
      { cause: error },
    );
  } finally {
    time.end();
  }
}

/** Runs the atomizers one after another; their atoms keep that order. */
async function runAtomizers(listing: Listing): Promise<ListedAtom[]> {
  const { job, context, projectDirectory, scratch, signal, clock, more } = listing;
  const atoms: ListedAtom[] = [];
  let bytes = 0;
  for (const [variable, line] of job.definition.atomizers.flatMap((entry) => Object.entries(entry))) {
    const size = new SizeLimit(scratch, MAX_LIST_BYTES - bytes, clock, signal);
    const { exitCode, ended, tail } = await runCommand({
      command: shellText([line]),
      cwd: projectDirectory,
      env: { ...context.environment(projectDirectory), ...more },
      output: { kind: 'tail', maxBytes: TAIL_BYTES, stdoutFile: scratch, pipes: context.pipes },
      signal: size.signal,
      graceMs: CANCEL_GRACE_MS,
      clock,
    }).finally(() => size.end());
    const isTooLong = await size.isExceeded();
    const output = isTooLong ? Buffer.alloc(0) : await readFile(scratch);
    await rm(scratch, { force: true });
    if (isTooLong && !signal.aborted) {
      throw tooMuch(job, variable, `more than ${MAX_LIST_BYTES / 1024 ** 2} MiB`);
    }
    bytes += output.length;
    if (ended === 'canceled') {
      signal.throwIfAborted();
    }
    if (exitCode !== 0) {
      const printed =
        [utf8End(output, TAIL_BYTES).toString('utf8'), tail ?? ''].join('').trim() || '(it printed nothing)';
      throw new ClusterRunnerError(
        'PREPARATION_FAILED',
        `The atomizer ${variable} of the job ${job.name} exited with ${exitCode} on the slave ${context.slave}; fix the command "${line}". It printed:\n${(await context.pathAliases()).inText(printed)}`,
      );
    }
    const read = readAtomizerOutput(output);
    if ('problem' in read) {
      throw new ClusterRunnerError(
        'PREPARATION_FAILED',
        `The atomizer ${variable} of the job ${job.name} lists an atom that cannot be passed on unchanged: ${read.problem}. Let it print another name for it, such as one that \`printf %q\` makes, or rename the file.`,
      );
    }
    for (const value of splitAtoms(read.text)) {
      if (atoms.length >= MAX_ATOMS) {
        throw tooMuch(job, variable, `more than ${MAX_ATOMS} atoms`);
      }
      atoms.push(checkedAtom(variable, maskProjectDirectory(value, projectDirectory)));
    }
  }
  return atoms;
}

function tooMuch({ name }: NamedJob, variable: string, what: string): ClusterRunnerError {
  return new ClusterRunnerError(
    'PREPARATION_FAILED',
    `The atomizers of the job ${name} print too much: with ${variable} it is ${what}; let them list fewer.`,
  );
}

function checkedAtom(variable: string, value: string): ListedAtom {
  const problem = valueProblem(value);
  if (problem !== null) {
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `The atom ${JSON.stringify(textStart(value, 100))} of ${variable} ${problem}.`,
    );
  }
  return { variable, value };
}

/** In a job with batches each atom is a line of $ATOMS_FILE. Atomizers print lines, but a request may name other atoms. */
function requireListable({ name, definition }: NamedJob, atoms: readonly ListedAtom[]): void {
  const lines = definition.batch === undefined ? [] : atoms.filter(({ value }) => value.includes('\n'));
  const [first] = lines;
  if (first !== undefined) {
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `The atom ${JSON.stringify(textStart(first.value, 100))} of ${first.variable} holds a line end, so $ATOMS_FILE cannot list it; leave "batch" out of the job ${name}, or name other atoms.`,
    );
  }
}

/** A list of atoms that the master refuses as too long is an error of the project, not of this slave. */
export function explainOversizedList(error: unknown, atoms: number): unknown {
  return error instanceof ClusterRunnerError && error.code === 'BODY_TOO_LARGE'
    ? new ClusterRunnerError(
        'PREPARATION_FAILED',
        `The master does not take the list of ${atoms} atoms, because it is too long; let the atomizers list fewer, or raise max_body_megabytes in the clusterrunner.conf of the master.`,
        { cause: error },
      )
    : error;
}

/** The scratch file of `prepareBuild` in the folder of everything that runs. */
export function atomizerScratchFile(directory: string, assignment: PrepareAssignment): string {
  return join(directory, `atomizer-${assignment.lease.lease_id}`);
}
