import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MasterClient, parseMasterUrl } from '../../client/master-client.js';
import { retry } from '../../client/retry.js';
import type { LoadedConfig } from '../../config/load.js';
import { CleanupStack } from '../../lib/async/cleanup-stack.js';
import { seconds, systemClock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { stripControlChars } from '../../lib/text/strip-control-chars.js';
import { requireSqlite } from '../../master/store/engine/require-sqlite.js';
import type { Build } from '../../protocol/build/build.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { BuildId } from '../../protocol/ids.js';
import { parseBuildId, printJson } from '../client-command.js';
import { type CommonOptions, createContext } from '../context.js';
import { exitCode } from '../exit-codes.js';
import { type Trust, trustOf } from '../master-connection.js';
import { abortOnStop } from '../services/stop-signals.js';
import { reportError } from '../text/report-error.js';
import { emptyOutcome, type OutcomeSoFar, outcomeOf } from './outcome.js';
import { followBuild } from './progress/follow.js';
import { type ProgressDisplay, progressDisplay } from './progress/progress-display.js';
import { createLocalRequest, FIRST_CONTACT_MS } from './request/local-request.js';
import { masterOnThisMachine } from './request/master-on-this-machine.js';
import { prepareRequest, type RequestOptions, requireNothingElse } from './request/prepare-request.js';
import { localUser, requesterOf } from './request/requester.js';
import { copyJunit, removeEarlierJunit, requirePlaceOfJunit } from './results/fetch-results.js';
import { type ResultDownload, startResultDownload } from './results/result-download.js';
import { type ResultPlace, resultPlace } from './results/result-place.js';
import { replaceableFolder, type Unpacked } from './results/unpack-results.js';
import { leavingMessage, printInterrupted, printVerdict } from './verdict.js';

export interface BuildOptions extends CommonOptions, RequestOptions {
  readonly masterUrl?: string;
  /** The id of a build. */
  readonly rerunFailed?: string;
  /** The file for a copy of the JUnit report. */
  readonly junit?: string;
  /** The folder for the results. */
  readonly output?: string;
  /** One JSON object on stdout at the end; text for people goes to stderr. */
  readonly json?: boolean;
}

/** Seconds after which failures are shown when the output is no terminal. */
const LOG_SECONDS = 2;

/**
 * `clusterrunner build`. Resolves with the exit code; rejects with ClusterRunnerError when it could not run, except with
 * `--json`, which reports that in its JSON.
 */
export async function build(type: string | undefined, options: BuildOptions): Promise<number> {
  const known = emptyOutcome();
  if (options.json !== true) {
    return carryOut(type, options, process.stdout, known);
  }
  const began = systemClock.monotonic();
  const print = (code: number, error: string | null) => {
    const elapsed = seconds(systemClock.monotonic() - began);
    printJson(outcomeOf(known, { exitCode: code, error, seconds: elapsed }));
  };
  const onLeave = (message: string | null) => {
    known.interrupted = true;
    print(exitCode.interrupted, message);
  };
  const { exitCode: code, message } = await carryOut(type, options, process.stderr, known, onLeave).then(
    (code) => ({ exitCode: code, message: null }),
    reportError,
  );
  print(code, message);
  return code;
}

/**
 * `out` is for people. `known` is updated as the command learns more. `onLeave` is called with the last message when a
 * second interrupt ends the process.
 */
async function carryOut(
  type: string | undefined,
  options: BuildOptions,
  out: NodeJS.WriteStream,
  known: OutcomeSoFar,
  onLeave?: (message: string | null) => void,
): Promise<number> {
  const { config, log } = createContext('build', options, {}, 'warn');
  const place = resultPlace(options.output, process.cwd());
  replaceableFolder(place.directory);
  if (options.junit !== undefined) {
    requirePlaceOfJunit(options.junit);
    removeEarlierJunit(options.junit);
  }
  const prepareSubmission = await submissionOf(type, options, place);
  const cleanup = new CleanupStack();
  const display = progressDisplay(out, systemClock, options.quiet === true);
  cleanup.add(() => display.end());
  const interrupt = abortOnStop(cleanup, () => {
    display.end();
    const message = leavingMessage(known);
    if (message !== null) {
      out.write(`${message}\n`);
    }
    onLeave?.(message);
  });
  try {
    return await runBuild({
      prepareSubmission,
      options,
      out,
      display,
      known,
      place,
      config,
      log,
      interrupt,
      cleanup,
    });
  } finally {
    known.interrupted = interrupt.aborted;
    await cleanup.releaseAll();
  }
}

/** Sends a master what the requested build needs first, such as a snapshot. Resolves with what creates the build. */
type PrepareSubmission = (context: SubmissionContext) => Promise<() => Promise<{ build_id: BuildId }>>;

interface SubmissionContext {
  readonly client: MasterClient;
  readonly url: string;
  readonly display: ProgressDisplay;
  readonly interrupt: AbortSignal;
}

/** @throws ClusterRunnerError USAGE, JOB_INVALID */
async function submissionOf(
  type: string | undefined,
  options: BuildOptions,
  place: ResultPlace,
): Promise<PrepareSubmission> {
  const requestedBy = requesterOf(process.env, localUser());
  if (options.rerunFailed !== undefined) {
    const build = parseBuildId(options.rerunFailed);
    requireNothingElse(type, options);
    return async ({ client }) =>
      () =>
        client.rerunFailed(build, { requestedBy });
  }
  const prepared = await prepareRequest(type, options, process.cwd());
  return async ({ client, url, display, interrupt }) => {
    const request =
      prepared.from === 'remote'
        ? prepared.request
        : await createLocalRequest(prepared, client, url, display, interrupt, place.directory);
    return () => client.createBuild({ ...request, requested_by: requestedBy });
  };
}

interface Run {
  readonly prepareSubmission: PrepareSubmission;
  readonly options: BuildOptions;
  /** For people. */
  readonly out: NodeJS.WriteStream;
  readonly display: ProgressDisplay;
  readonly known: OutcomeSoFar;
  readonly place: ResultPlace;
  readonly config: LoadedConfig;
  readonly log: Logger;
  readonly interrupt: AbortSignal;
  readonly cleanup: CleanupStack;
}

async function runBuild(run: Run): Promise<number> {
  const { prepareSubmission, options, out, display, known, place, config, log, interrupt, cleanup } = run;
  const started = systemClock.now();
  const trust = trustOf(config, log);
  const { url, isLocal, trouble } = await findMaster(options, config, trust, log, display, cleanup);
  const client = new MasterClient({ url, ...trust, timeoutSeconds: config.defaultHttpTimeout });
  cleanup.add(() => client.close());

  if (interrupt.aborted) {
    return exitCode.interrupted;
  }
  const submit = await prepareSubmission({ client, url, display, interrupt }).catch((error: unknown) => {
    if (interrupt.aborted) {
      return null;
    }
    throw error;
  });
  if (submit === null) {
    return exitCode.interrupted;
  }
  // Without the signal: a request in flight may become a build, which then must be canceled.
  const { build_id: buildId } = await retry(submit, {
    clock: systemClock,
    random: Math.random,
    signal: new AbortController().signal,
    giveUpAfterMs: FIRST_CONTACT_MS,
  });
  display.say(`Build ${buildId} is accepted by ${url}`);
  known.id = buildId;
  known.url = isLocal ? null : buildUrl(url, buildId);

  const fetching = new AbortController();
  const download = startResultDownload(client, buildId, {
    target: place.directory,
    root: join(config.baseDirectory, 'fetched'),
    signal: fetching.signal,
    log,
    onProgress: (bytes, total) => display.fetching(bytes, total),
  });
  cleanup.add(() => download.drop());
  const followed = await followOrCancel(client, buildId, { display, interrupt, trouble, isLive: out.isTTY });
  const { build: ended, isInterrupted } = followed;
  known.build = ended;
  display.end();
  const elapsed = seconds(systemClock.now() - started);
  if (isInterrupted) {
    return reportInterrupted(download, ended, elapsed, isLocal, run);
  }
  // From now on Ctrl-C gives up the results, not the build.
  const giveUp = () => fetching.abort(interrupt.reason);
  interrupt.addEventListener('abort', giveUp, { once: true });
  if (interrupt.aborted) {
    giveUp();
  }
  return report(download, ended, elapsed, isLocal, run);
}

function buildUrl(master: string, build: BuildId): string {
  const { origin, pathname } = parseMasterUrl(master);
  return `${origin}${pathname.replace(/\/+$/, '')}/v1/build/${build}`;
}

/** `isLocal`: the master ends with this command; `trouble` is aborted, with a ClusterRunnerError, when it cannot go on. */
async function findMaster(
  options: BuildOptions,
  config: LoadedConfig,
  trust: Trust,
  log: Logger,
  display: ProgressDisplay,
  cleanup: CleanupStack,
): Promise<{ url: string; isLocal: boolean; trouble: AbortSignal }> {
  const url = options.masterUrl ?? (await masterOnThisMachine(config, trust));
  if (url !== null) {
    return { url, isLocal: false, trouble: new AbortController().signal };
  }
  if (config.isExplicit('general.slaves')) {
    log.warn(
      `The build runs on this machine alone: ${config.configFile} lists the slaves ${config.slaves.join(', ')}, but no master is running here. Start \`clusterrunner master\`, and \`clusterrunner slave\` on each of them, or name a master with --master-url.`,
    );
  } else if (options.url !== undefined) {
    // A repository without a checkout suggests that a cluster is expected.
    log.warn(
      'The build runs on this machine alone: no master is named, and none is running here. To run it on a cluster, name its master: --master-url http://HOST:43000.',
    );
  }
  requireSqlite();
  const { startLocalCluster } = await import('./local-cluster.js');
  const cluster = await startLocalCluster(config, log);
  cleanup.add(() => cluster.close());
  display.say(
    `No master is running on this machine; started one with ${cluster.numExecutors} executors for this build.`,
  );
  return { url: cluster.url, isLocal: true, trouble: cluster.trouble };
}

interface Following {
  readonly display: ProgressDisplay;
  readonly interrupt: AbortSignal;
  readonly trouble: AbortSignal;
  /** Whether progress is shown at once. */
  readonly isLive: boolean;
}

/**
 * Resolves with the ended build. An interrupt cancels it on the master, whose slaves then deliver what they have.
 * @throws ClusterRunnerError the reason of `trouble`
 */
async function followOrCancel(
  client: MasterClient,
  buildId: BuildId,
  { display, interrupt, trouble, isLive }: Following,
): Promise<{ build: Build; isInterrupted: boolean }> {
  const follow = (signal: AbortSignal) =>
    followBuild({
      client,
      buildId,
      clock: systemClock,
      signal: AbortSignal.any([signal, trouble]),
      everySeconds: isLive ? 1 : LOG_SECONDS,
      onChange: (build) => display.show(build),
      onResponse: () => display.responded(),
      onUnreachable: (message) => display.unreachable(message),
    });
  try {
    return { build: await follow(interrupt), isInterrupted: false };
  } catch (error) {
    if (!interrupt.aborted) {
      throw error;
    }
  }
  display.canceling();
  display.say(`Canceling build ${buildId} and fetching what it has; once more to leave at once.`);
  // Another interrupt ends the process.
  const { signal } = new AbortController();
  const build = await retry(() => client.cancelBuild(buildId), {
    clock: systemClock,
    random: Math.random,
    signal,
    giveUpAfterMs: FIRST_CONTACT_MS,
  });
  return { build: build.status === 'BUILDING' ? await follow(signal) : build, isInterrupted: true };
}

/** Verdicts so far count, and their results are fetched; the exit code is that of an interrupted command. */
async function reportInterrupted(
  download: ResultDownload,
  build: Build,
  elapsed: number,
  isLocal: boolean,
  { options: { junit }, out, known, place }: Run,
): Promise<number> {
  const hasRun = build.num_atoms_done > 0 || (build.interrupted_atoms ?? []).length > 0;
  if (!hasRun) {
    out.write(`Build ${build.id} is canceled.${previousResultsNote(place)}\n`);
    return exitCode.interrupted;
  }
  const fetched = await fetchOrProblem(download, build, place, known);
  const problem =
    fetched.problem ?? (junit === undefined ? null : junitProblem(place.directory, junit, known));
  printInterrupted(build, { out, place, elapsed, hasResults: fetched.problem === null });
  reportResultProblems(build, fetched, problem, isLocal ? null : place);
  return exitCode.interrupted;
}

async function report(
  download: ResultDownload,
  build: Build,
  elapsed: number,
  isLocal: boolean,
  { options: { junit }, out, display, known, place, interrupt }: Run,
): Promise<number> {
  if (build.state === 'ERROR') {
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `Build ${build.id} could not be run: ${build.error_message ?? 'the master gives no reason.'}${previousResultsNote(place)}`,
    );
  }
  const fetched = await fetchOrProblem(download, build, place, known);
  display.end();
  if (interrupt.aborted && fetched.problem !== null) {
    out.write(`Build ${build.id} has ended; its results were not fetched.${previousResultsNote(place)}\n`);
    return exitCode.interrupted;
  }
  const problem =
    fetched.problem ?? (junit === undefined ? null : junitProblem(place.directory, junit, known));
  try {
    const code = printVerdict(build, { out, place, elapsed, hasResults: fetched.problem === null });
    return problem !== null && code === exitCode.success ? exitCode.couldNotRun : code;
  } finally {
    reportResultProblems(build, fetched, problem, isLocal ? null : place);
  }
}

/** Prints what is wrong with the fetched results, or why they are missing. `again`: where they can be fetched to later. */
function reportResultProblems(
  build: Build,
  fetched: { readonly problem: ClusterRunnerError | null } & Unpacked,
  problem: ClusterRunnerError | null,
  again: ResultPlace | null,
): void {
  if (fetched.refused > 0) {
    process.stderr.write(
      `clusterrunner: ${fetched.refused} entries of the archive would have led out of the folder, and were skipped.\n`,
    );
  }
  for (const note of [fetched.leftOut, fetched.left]) {
    if (note !== null) {
      process.stderr.write(`clusterrunner: ${stripControlChars(note)}\n`);
    }
  }
  if (problem !== null) {
    const what = stripControlChars(problem.message).replace(/[^.]$/, '$&.');
    const isMissing = fetched.problem !== null && again !== null;
    const advice = isMissing ? ` \`${commandFor(build, again)}\` fetches them when that is fixed.` : '';
    process.stderr.write(`clusterrunner: ${what}${stripControlChars(advice)}\n`);
  }
}

function commandFor(build: Build, { isUsual, word }: ResultPlace): string {
  return `clusterrunner results ${build.id}${isUsual ? '' : ` --output ${word()}`}`;
}

/** Fetches the results. A failure is returned, since the verdict is known and must be printed. */
async function fetchOrProblem(
  download: ResultDownload,
  build: Build,
  place: ResultPlace,
  known: OutcomeSoFar,
): Promise<{ problem: ClusterRunnerError | null } & Unpacked> {
  try {
    const unpacked = await download.take(build);
    known.results = place.directory;
    return { problem: null, ...unpacked };
  } catch (error) {
    if (error instanceof ClusterRunnerError) {
      known.problem = error.message;
      return { problem: error, refused: 0, leftOut: null, left: null };
    }
    throw error;
  }
}

function junitProblem(target: string, file: string, known: OutcomeSoFar): ClusterRunnerError | null {
  try {
    copyJunit(target, file);
    return null;
  } catch (error) {
    if (error instanceof ClusterRunnerError) {
      known.problem = error.message;
      return error;
    }
    throw error;
  }
}

/** Warns that the folder is of an earlier build, for those who publish it. */
function previousResultsNote({ directory, shown }: ResultPlace): string {
  return existsSync(directory) ? `\n${stripControlChars(shown)} has the results of an earlier build.` : '';
}
