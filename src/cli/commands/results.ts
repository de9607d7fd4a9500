import { CleanupStack } from '../../lib/async/cleanup-stack.js';
import { systemClock } from '../../lib/clock.js';
import { stripControlChars } from '../../lib/text/strip-control-chars.js';
import { progressDisplay } from '../build/progress/progress-display.js';
import { fetchResults } from '../build/results/fetch-results.js';
import { resultPlace } from '../build/results/result-place.js';
import { replaceableFolder } from '../build/results/unpack-results.js';
import { parseBuildId, printJson, type ReaderOptions, withClient } from '../client-command.js';
import { exitCode } from '../exit-codes.js';
import { abortOnStop } from '../services/stop-signals.js';

export interface ResultsOptions extends ReaderOptions {
  readonly output?: string;
}

/** `clusterrunner results BUILD`: fetches the results of a build that has ended. Resolves with the exit code. */
export async function results(build: string, options: ResultsOptions): Promise<number> {
  const id = parseBuildId(build);
  const place = resultPlace(options.output, process.cwd());
  const target = place.directory;
  replaceableFolder(target);
  const cleanup = new CleanupStack();
  const signal = abortOnStop(cleanup);
  const display = progressDisplay(
    process.stderr,
    systemClock,
    options.quiet === true || !process.stderr.isTTY,
  );
  try {
    await withClient('results', options, async (client, masterUrl) => {
      const warn = (message: string) => process.stderr.write(`clusterrunner: ${message}\n`);
      const { left, leftOut } = await fetchResults(client, await client.getBuild(id), {
        place,
        masterUrl,
        signal,
        onProgress: (bytes, total) => display.fetching(bytes, total),
        onUnreachable: warn,
        onWarning: warn,
      });
      display.end();
      for (const note of [leftOut, left]) {
        if (note !== null) {
          process.stderr.write(`clusterrunner: ${stripControlChars(note)}\n`);
        }
      }
    });
  } catch (error) {
    if (!signal.aborted) {
      throw error;
    }
    display.end();
    process.stderr.write(`clusterrunner: Interrupted; ${target} is as it was.\n`);
    return exitCode.interrupted;
  } finally {
    display.end();
    await cleanup.releaseAll();
  }
  if (options.json) {
    printJson({ build_id: id, directory: target });
  } else {
    process.stdout.write(`The results of build ${id} are in ${target}\n`);
  }
  return exitCode.success;
}
