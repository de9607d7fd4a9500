import { join } from 'node:path';
import { MasterClient } from '../../client/master-client.js';
import { plainMasterUrl } from '../../client/master-url.js';
import { retry } from '../../client/retry.js';
import type { LoadedConfig } from '../../config/load.js';
import { CleanupStack } from '../../lib/async/cleanup-stack.js';
import { seconds, systemClock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import type { BuildId } from '../../protocol/ids.js';
import { parseBuildId, printJson } from '../client-command.js';
import { type CommonOptions, createContext } from '../context.js';
import { exitCode } from '../exit-codes.js';
import { trustOf } from '../master-connection.js';
import { abortOnStop } from '../services/stop-signals.js';
import { reportError } from '../text/report-error.js';
import { openLink } from '../ui/open-link.js';
import { buildPageLink } from '../ui/page-link.js';
import { findMaster } from './find-master.js';
import { followOrCancel } from './follow-or-cancel.js';
import { emptyOutcome, type OutcomeSoFar, outcomeOf } from './outcome.js';
import { type ProgressDisplay, progressDisplay } from './progress/progress-display.js';
import { type ReportContext, report, reportInterrupted } from './report-build.js';
import { createLocalRequest, FIRST_CONTACT_MS } from './request/local-request.js';
import { prepareRequest, type RequestOptions, requireNothingElse } from './request/prepare-request.js';
import { localUser, requesterOf } from './request/requester.js';
import { removeEarlierJunit, requirePlaceOfJunit } from './results/fetch-results.js';
import { startResultDownload } from './results/result-download.js';
import { type ResultPlace, resultPlace } from './results/result-place.js';
import { replaceableFolder } from './results/unpack-results.js';
import { leavingMessage } from './verdict.js';

export interface BuildOptions extends CommonOptions, RequestOptions {
  readonly masterUrl?: string;
  /** The id of a build. */
  readonly rerunFailed?: string;
  /** The file for a copy of the JUnit report. */
  readonly junit?: string;
  /** The folder for the results. */
  readonly output?: string;
  /** Opens the page of the build in a browser. */
  readonly open?: boolean;
  /** One JSON object on stdout at the end; text for people goes to stderr. */
  readonly json?: boolean;
}

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

interface Run extends ReportContext {
  readonly prepareSubmission: PrepareSubmission;
  readonly options: BuildOptions;
  readonly config: LoadedConfig;
  readonly log: Logger;
  readonly cleanup: CleanupStack;
}

async function runBuild(run: Run): Promise<number> {
  const { prepareSubmission, options, out, display, known, place, config, log, interrupt, cleanup } = run;
  const started = systemClock.now();
  const trust = trustOf(config, log);
  const { url, isLocal, trouble, linkToken } = await findMaster(
    options,
    config,
    trust,
    log,
    display,
    cleanup,
  );
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
  const page = await buildPageLink(client, url, buildId, linkToken);
  known.page = isLocal ? null : page;
  showPage(page, options, display, log);

  const fetching = new AbortController();
  const download = startResultDownload(client, buildId, {
    place,
    masterUrl: isLocal ? null : plainMasterUrl(url),
    root: join(config.baseDirectory, 'fetched'),
    signal: fetching.signal,
    log,
    onProgress: (bytes, total) => display.fetching(bytes, total),
    onUnreachable: (message) => log.warn(message),
    onWarning: (message) => log.warn(message),
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

function showPage(page: string | null, { open }: BuildOptions, display: ProgressDisplay, log: Logger): void {
  if (page !== null) {
    display.say(`Watch it at ${page}`);
  }
  if (open === true && page !== null) {
    openLink(page, (message) => log.warn(message));
  } else if (open === true) {
    log.warn('No browser is opened: the master is too old to show builds in one.');
  }
}

function buildUrl(master: string, build: BuildId): string {
  return `${plainMasterUrl(master)}/v1/build/${build}`;
}
