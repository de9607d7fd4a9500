import { resolve } from 'node:path';
import { replaceableFolder, unpackResults } from './build/results.js';
import { parseBuildId, printJson, type ReaderOptions, withClient } from './reader.js';

export interface ResultsOptions extends ReaderOptions {
  readonly output?: string;
}

/** `clusterrunner results BUILD`: fetches the results of a build that has ended. */
export async function results(build: string, options: ResultsOptions): Promise<void> {
  const id = parseBuildId(build);
  const target = resolve(options.output ?? 'build_results');
  replaceableFolder(target);
  await withClient('results', options, async (client) => {
    const { stream } = await client.openArtifacts(id);
    await unpackResults(stream, target);
  });
  if (options.json) {
    printJson({ build_id: id, directory: target });
  } else {
    process.stdout.write(`The results of build ${id} are in ${target}\n`);
  }
}
