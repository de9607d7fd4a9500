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
import { tellError } from '../text/tell-error.js';
import { type Known, nothingKnown, outcomeOf } from './outcome.js';
import { followBuild } from './progress/follow.js';
import { type ProgressDisplay, progressDisplay } from './progress/progress-display.js';
import { masterOnThisMachine } from './request/master-on-this-machine.js';
import { prepareRequest, type RequestOptions, requireNothingElse } from './request/request.js';
import { FIRST_CONTACT_MS, requestFromHere } from './request/request-from-here.js';
import { localUser, requesterOf } from './request/requester.js';
import { copyJunit, removeEarlierJunit, requirePlaceOfJunit } from './results/fetch-results.js';
import { type ResultDownload, resultsOf } from './results/result-download.js';
import { type ResultPlace, resultPlace } from './results/result-place.js';
import { replaceableFolder, type Unpacked } from './results/unpack-results.js';
import { leavingSentence, sayInterrupted, sayVerdict } from './verdict.js';

export interface BuildOptions extends CommonOptions, RequestOptions {
  readonly masterUrl?: string;
  /** The number of a build. */
  readonly rerunFailed?: string;
  /** Where a copy of the JUnit report goes. */
  readonly junit?: string;
  /** Where the results go. */
  readonly output?: string;
  /** One JSON object on stdout at the end; what people read goes to stderr. */
  readonly json?: boolean;
}

/** How soon failures are told where there is no terminal, on which a person looks. */
const LOG_SECONDS = 2;

/**
 * `clusterrunner build`. Resolves with the exit code; rejects with ClusterRunnerError when it could not run, but with
 * `--json`, which tells of that too.
 */
export async function build(type: string | undefined, options: BuildOptions): Promise<number> {
  const known = nothingKnown();
  if (options.json !== true) {
    return carryOut(type, options, process.stdout, known);
  }
  const began = systemClock.monotonic();
  const print = (code: number, error: string | null) => {
    const elapsed = seconds(systemClock.monotonic() - began);
    printJson(outcomeOf(known, { exitCode: code, error, seconds: elapsed }));
  };
  const onLeave = (sentence: string | null) => {
    known.interrupted = true;
    print(exitCode.interrupted, sentence);
  };
  const { exitCode: code, message } = await carryOut(type, options, process.stderr, known, onLeave).then(
    (code) => ({ exitCode: code, message: null }),
    tellError,
  );
  print(code, message);
  return code;
}

/**
 * `out` is for people; `known` is told of what is learned; `onLeave` is called when the process ends at a second
 * interrupt, with what people were told.
 */
async function carryOut(
  type: string | undefined,
  options: BuildOptions,
  out: NodeJS.WriteStream,
  known: Known,
  onLeave?: (sentence: string | null) => void,
): Promise<number> {
  const { config, log } = createContext('build', options, {}, 'warn');
  const place = resultPlace(options.output, process.cwd());
  replaceableFolder(place.directory);
  if (options.junit !== undefined) {
    requirePlaceOfJunit(options.junit);
    removeEarlierJunit(options.junit);
  }
  const order = await orderOf(type, options, place);
  const cleanup = new CleanupStack();
  const display = progressDisplay(out, systemClock, options.quiet === true);
  cleanup.add(() => display.end());
  const interrupt = abortOnStop(cleanup, () => {
    display.end();
    const sentence = leavingSentence(known);
    if (sentence !== null) {
      out.write(`${sentence}\n`);
    }
    onLeave?.(sentence);
  });
  try {
    return await runBuild({ order, options, out, display, known, place, config, log, interrupt, cleanup });
  } finally {
    known.interrupted = interrupt.aborted;
    await cleanup.releaseAll();
  }
}

/** Finds out how to ask a master for the build that the command line asks for; sends it what it needs first. */
type Order = (way: Way) => Promise<() => Promise<{ build_id: BuildId }>>;

interface Way {
  readonly client: MasterClient;
  readonly url: string;
  readonly display: ProgressDisplay;
  readonly interrupt: AbortSignal;
}

/** @throws ClusterRunnerError USAGE, JOB_INVALID */
async function orderOf(type: string | undefined, options: BuildOptions, place: ResultPlace): Promise<Order> {
  const requestedBy = requesterOf(process.env, localUser());
  if (options.rerunFailed !== undefined) {
    const build = parseBuildId(options.rerunFailed);
    requireNothingElse(type, options);
    return async ({ client }) =>
      () =>
        client.rerunFailed(build, { requestedBy });
  }
  const wanted = await prepareRequest(type, options, process.cwd());
  return async ({ client, url, display, interrupt }) => {
    const request =
      wanted.from === 'remote'
        ? wanted.request
        : await requestFromHere(wanted, client, url, display, interrupt, place.directory);
    return () => client.createBuild({ ...request, requested_by: requestedBy });
  };
}

interface Run {
  readonly order: Order;
  readonly options: BuildOptions;
  /** For people. */
  readonly out: NodeJS.WriteStream;
  readonly display: ProgressDisplay;
  readonly known: Known;
  readonly place: ResultPlace;
  readonly config: LoadedConfig;
  readonly log: Logger;
  readonly interrupt: AbortSignal;
  readonly cleanup: CleanupStack;
}

async function runBuild(run: Run): Promise<number> {
  const { order, options, out, display, known, place, config, log, interrupt, cleanup } = run;
  const started = systemClock.now();
  const trust = trustOf(config, log);
  const { url, isLocal, trouble } = await findMaster(options, config, trust, log, display, cleanup);
  const client = new MasterClient({ url, ...trust, timeoutSeconds: config.defaultHttpTimeout });
  cleanup.add(() => client.close());

  if (interrupt.aborted) {
    return exitCode.interrupted;
  }
  const ask = await order({ client, url, display, interrupt }).catch((error: unknown) => {
    if (interrupt.aborted) {
      return null;
    }
    throw error;
  });
  if (ask === null) {
    return exitCode.interrupted;
  }
  // Not given the signal: a request that is on its way may become a build, which then must be canceled.
  const { build_id: buildId } = await retry(ask, {
    clock: systemClock,
    random: Math.random,
    signal: new AbortController().signal,
    giveUpAfterMs: FIRST_CONTACT_MS,
  });
  display.say(`Build ${buildId} is accepted by ${url}`);
  known.id = buildId;
  known.url = isLocal ? null : buildUrl(url, buildId);

  const fetching = new AbortController();
  const coming = resultsOf(client, buildId, {
    target: place.directory,
    root: join(config.baseDirectory, 'fetched'),
    signal: fetching.signal,
    log,
    onProgress: (bytes, total) => display.fetching(bytes, total),
  });
  cleanup.add(() => coming.drop());
  const followed = await followOrCancel(client, buildId, { display, interrupt, trouble, isLive: out.isTTY });
  const { build: ended, isInterrupted } = followed;
  known.build = ended;
  display.end();
  const elapsed = seconds(systemClock.now() - started);
  if (isInterrupted) {
    return reportInterrupted(coming, ended, elapsed, isLocal, run);
  }
  // From now on Ctrl-C gives up the results, and not the build.
  const giveUp = () => fetching.abort(interrupt.reason);
  interrupt.addEventListener('abort', giveUp, { once: true });
  if (interrupt.aborted) {
    giveUp();
  }
  return report(coming, ended, elapsed, isLocal, run);
}

function buildUrl(master: string, build: BuildId): string {
  const { origin, pathname } = parseMasterUrl(master);
  return `${origin}${pathname.replace(/\/+$/, '')}/v1/build/${build}`;
}

/** `isLocal`: it ends with this command; `trouble` is aborted, with a ClusterRunnerError, when it cannot go on. */
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
    // Who names a repository and no checkout may well think of a cluster.
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
  /** Whether progress is shown as it happens. */
  readonly isLive: boolean;
}

/**
 * The build as it ended; an interrupt cancels it on the master, which has its slaves deliver what there is.
 * @throws ClusterRunnerError what `trouble` is aborted with
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
      onAnswer: () => display.heard(),
      onMissed: (sentence) => display.missed(sentence),
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

/** Whatever had ended counts and is fetched; the exit code is that of an interrupted command. */
async function reportInterrupted(
  coming: ResultDownload,
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
  const fetched = await fetchOrProblem(coming, build, place, known);
  const problem =
    fetched.problem ?? (junit === undefined ? null : junitProblem(place.directory, junit, known));
  sayInterrupted(build, { out, place, elapsed, hasResults: fetched.problem === null });
  sayOfResults(build, fetched, problem, isLocal ? null : place);
  return exitCode.interrupted;
}

async function report(
  coming: ResultDownload,
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
  const fetched = await fetchOrProblem(coming, build, place, known);
  display.end();
  if (interrupt.aborted && fetched.problem !== null) {
    out.write(`Build ${build.id} has ended; its results were not fetched.${previousResultsNote(place)}\n`);
    return exitCode.interrupted;
  }
  const problem =
    fetched.problem ?? (junit === undefined ? null : junitProblem(place.directory, junit, known));
  try {
    const code = sayVerdict(build, { out, place, elapsed, hasResults: fetched.problem === null });
    return problem !== null && code === exitCode.success ? exitCode.couldNotRun : code;
  } finally {
    sayOfResults(build, fetched, problem, isLocal ? null : place);
  }
}

/** What is wrong with the results that were fetched, or why they were not. `again`: where they can be fetched to later. */
function sayOfResults(
  build: Build,
  fetched: { readonly problem: ClusterRunnerError | null } & Unpacked,
  problem: ClusterRunnerError | null,
  again: ResultPlace | null,
): void {
  if (fetched.refused > 0) {
    process.stderr.write(
      `clusterrunner: ${fetched.refused} entries of the archive would have led out of the folder, and were passed over.\n`,
    );
  }
  for (const sentence of [fetched.leftOut, fetched.left]) {
    if (sentence !== null) {
      process.stderr.write(`clusterrunner: ${stripControlChars(sentence)}\n`);
    }
  }
  if (problem !== null) {
    const what = stripControlChars(problem.message).replace(/[^.]$/, '$&.');
    const isMissing = fetched.problem !== null && again !== null;
    const advice = isMissing ? ` \`${commandFor(build, again)}\` fetches them when that is mended.` : '';
    process.stderr.write(`clusterrunner: ${what}${stripControlChars(advice)}\n`);
  }
}

function commandFor(build: Build, { isUsual, word }: ResultPlace): string {
  return `clusterrunner results ${build.id}${isUsual ? '' : ` --output ${word()}`}`;
}

/** What kept the results from being fetched: the verdict is known, and must not go under with them. */
async function fetchOrProblem(
  coming: ResultDownload,
  build: Build,
  place: ResultPlace,
  known: Known,
): Promise<{ problem: ClusterRunnerError | null } & Unpacked> {
  try {
    const unpacked = await coming.take(build);
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

function junitProblem(target: string, file: string, known: Known): ClusterRunnerError | null {
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

/** Whoever publishes the folder must not take it for this build's. */
function previousResultsNote({ directory, shown }: ResultPlace): string {
  return existsSync(directory) ? `\n${stripControlChars(shown)} has the results of an earlier build.` : '';
}
