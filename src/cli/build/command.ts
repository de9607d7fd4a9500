import { resolve } from 'node:path';
import { MasterClient } from '../../client/master-client.js';
import { retry } from '../../client/retry.js';
import type { LoadedConfig } from '../../config/load.js';
import { seconds, systemClock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { Releasers } from '../../lib/releasers.js';
import type { Build, BuildRequest } from '../../protocol/build.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { BuildId } from '../../protocol/ids.js';
import { type CommonOptions, createContext } from '../context.js';
import { exitCode } from '../exit-codes.js';
import { type Trust, trustOf } from '../master-connection.js';
import { failureReport, flakyReport } from './failures.js';
import { followBuild } from './follow.js';
import { masterOnThisMachine } from './master-on-this-machine.js';
import { duration } from './progress.js';
import { type ProgressDisplay, progressDisplay } from './progress-display.js';
import { buildRequest, type RequestOptions } from './request.js';
import { unpackResults } from './results.js';

export interface BuildOptions extends CommonOptions, RequestOptions {
  readonly masterUrl?: string;
}

const RESULTS_DIRECTORY = 'build_results';
/** Where there is no terminal a line now and then is enough. */
const QUIET_SECONDS = 10;
/** For the first word to a master: long enough for one that is just starting, short enough for a typing error. */
const FIRST_CONTACT_MS = 5_000;

/** `clusterrunner build`. Resolves with the exit code; rejects with ClusterRunnerError when it could not run. */
export async function build(type: string | undefined, options: BuildOptions): Promise<number> {
  const { config, log } = createContext('build', options, {}, 'warn');
  const request = await buildRequest(type, options, process.cwd());
  const releasers = new Releasers();
  const interrupt = interruptions(releasers);
  try {
    return await runBuild(request, options, config, log, interrupt, releasers);
  } finally {
    await releasers.releaseAll();
  }
}

async function runBuild(
  request: BuildRequest,
  options: BuildOptions,
  config: LoadedConfig,
  log: Logger,
  interrupt: AbortSignal,
  releasers: Releasers,
): Promise<number> {
  const started = systemClock.now();
  const display = progressDisplay(process.stdout, systemClock, options.quiet === true);
  releasers.add(() => display.end());
  const trust = trustOf(config, log);
  const url = await masterUrl(options, config, trust, log, display, releasers);
  const client = new MasterClient({ url, ...trust, timeoutSeconds: config.defaultHttpTimeout });
  releasers.add(() => client.close());

  if (interrupt.aborted) {
    return exitCode.interrupted;
  }
  // Not given the signal: a request that is on its way may become a build, which then must be cancelled.
  const { build_id: buildId } = await retry(() => client.createBuild(request), {
    clock: systemClock,
    random: Math.random,
    signal: new AbortController().signal,
    giveUpAfterMs: FIRST_CONTACT_MS,
  });
  display.say(`Build ${buildId} is accepted by ${url}`);

  const ended = await followOrCancel(client, buildId, display, interrupt);
  display.end();
  if (ended === null) {
    process.stdout.write(`Build ${buildId} is canceled.\n`);
    return exitCode.interrupted;
  }
  return report(client, ended, display, seconds(systemClock.now() - started));
}

/** An abort on the first Ctrl-C or SIGTERM; on the second the process ends at once. */
function interruptions(releasers: Releasers): AbortSignal {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) {
      process.exit(exitCode.interrupted);
    }
    controller.abort(new ClusterRunnerError('USAGE', 'Interrupted.'));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  releasers.add(() => {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  });
  return controller.signal;
}

async function masterUrl(
  options: BuildOptions,
  config: LoadedConfig,
  trust: Trust,
  log: Logger,
  display: ProgressDisplay,
  releasers: Releasers,
): Promise<string> {
  if (options.masterUrl !== undefined) {
    return options.masterUrl;
  }
  const running = await masterOnThisMachine(config, trust);
  if (running !== null) {
    return running;
  }
  const { startLocalCluster } = await import('./local-cluster.js');
  const cluster = await startLocalCluster(config, log);
  releasers.add(() => cluster.close());
  display.say(
    `No master is running on this machine; started one with ${cluster.numExecutors} executors for this build.`,
  );
  return cluster.url;
}

/** The build as it ended, or null when it was interrupted and is cancelled on the master. */
async function followOrCancel(
  client: MasterClient,
  buildId: BuildId,
  display: ProgressDisplay,
  interrupt: AbortSignal,
): Promise<Build | null> {
  try {
    return await followBuild({
      client,
      buildId,
      clock: systemClock,
      signal: interrupt,
      everySeconds: process.stdout.isTTY ? 1 : QUIET_SECONDS,
      onChange: (build) => display.show(build),
      onUnreachable: (error) => display.say(error.message),
    });
  } catch (error) {
    if (!interrupt.aborted) {
      throw error;
    }
    display.say(`Canceling build ${buildId}; once more to leave at once.`);
    await retry(() => client.cancelBuild(buildId), {
      clock: systemClock,
      random: Math.random,
      signal: new AbortController().signal,
      giveUpAfterMs: FIRST_CONTACT_MS,
    });
    return null;
  }
}

async function report(
  client: MasterClient,
  build: Build,
  display: ProgressDisplay,
  elapsed: number,
): Promise<number> {
  if (build.state === 'ERROR') {
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `Build ${build.id} could not be run: ${build.error_message ?? 'the master gives no reason.'}`,
    );
  }
  const target = resolve(RESULTS_DIRECTORY);
  const { stream } = await client.openArtifacts(build.id);
  await unpackResults(stream, target);
  display.end();
  const atoms = `${build.num_atoms ?? 0} ${build.num_atoms === 1 ? 'atom' : 'atoms'}`;
  const tail = `in ${duration(elapsed)}. Results: ./${RESULTS_DIRECTORY}/`;
  const flaky = flakyReport(build.flaky_atoms ?? [], RESULTS_DIRECTORY);
  if (flaky !== '') {
    process.stdout.write(`${flaky}\n\n`);
  }
  if (build.result === 'SUCCESS') {
    process.stdout.write(`SUCCESS: ${atoms} passed${flakyCount(build)} ${tail}\n`);
    return exitCode.success;
  }
  const failed = build.failed_atoms ?? [];
  if (failed.length > 0) {
    process.stdout.write(`${failureReport(failed, target, RESULTS_DIRECTORY)}\n\n`);
  }
  if (build.state === 'CANCELED') {
    const why = build.error_message ?? 'The build was canceled.';
    const counts = `${build.num_atoms_done} of ${atoms} had ended, ${failureCounts(build, 'them')}`;
    if (build.num_atoms_failed === 0) {
      // Whether the rest would have passed nobody knows.
      throw new ClusterRunnerError('CONFLICT', `${why} ${counts}, ${tail}`);
    }
    process.stdout.write(`FAILURE: ${why}\n${counts}, ${tail}\n`);
    return exitCode.testsFailed;
  }
  process.stdout.write(`FAILURE: ${failureCounts(build, atoms)} ${tail}\n`);
  return exitCode.testsFailed;
}

/** `3 of 9 atoms failed`, `… and 1 was lost`: what is lost may be as good as it ever was. */
function failureCounts({ num_atoms_failed: all, num_atoms_lost: lost }: Build, atoms: string): string {
  const failed = `${all - lost} of ${atoms} failed`;
  return lost === 0 ? failed : `${failed} and ${lost} ${lost === 1 ? 'was' : 'were'} lost`;
}

function flakyCount({ num_atoms_flaky: flaky }: Build): string {
  return flaky === 0 ? '' : `, ${flaky} of them only when run again,`;
}
