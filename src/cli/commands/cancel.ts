import { parseBuildId, printJson, type ReaderOptions, withClient } from '../client-command.js';

/** `clusterrunner cancel BUILD`. Canceling a build that has ended is no error. */
export async function cancel(build: string, options: ReaderOptions): Promise<void> {
  const id = parseBuildId(build);
  const after = await withClient('cancel', options, (client) => client.cancelBuild(id));
  if (options.json) {
    printJson({ build: after });
  } else if (after.state === 'CANCELED') {
    process.stdout.write(`Build ${id} is canceled.\n`);
  } else {
    process.stdout.write(`Build ${id} had ended already: ${after.result ?? after.state}.\n`);
  }
}
