import type { MasterClient } from '../../../client/master-client.js';
import { masterRelay } from '../../../client/master-relay.js';
import { retry } from '../../../client/retry.js';
import { ownEnvironment } from '../../../job/command-environment.js';
import { systemClock } from '../../../lib/clock.js';
import { isInCheckout } from '../../../project/find-checkout.js';
import type { BuildRequest } from '../../../protocol/build/build.js';
import type { ProgressDisplay } from '../progress/progress-display.js';
import type { PreparedRequest } from './prepare-request.js';
import { isThisMachine } from './this-machine.js';

/** How long the first request is retried: long enough for a master that is starting, short enough for a typing error. */
export const FIRST_CONTACT_MS = 5_000;

/**
 * The request for a build of a folder of this machine. A snapshot of it is sent first if needed, without the files of
 * `results`, an absolute path.
 * @throws ClusterRunnerError; the reason of `signal`
 */
export async function createLocalRequest(
  prepared: PreparedRequest & { from: 'local' },
  client: MasterClient,
  url: string,
  display: Pick<ProgressDisplay, 'say'>,
  signal: AbortSignal,
  results: string,
): Promise<BuildRequest> {
  const { directory, snapshot, since } = prepared;
  const ofChanges =
    since === null ? {} : { changed_files: await changedFilesSince(directory, since, signal) };
  const more = { ...prepared.more, ...ofChanges };
  const isSent =
    snapshot === 'always' ||
    (snapshot === 'elsewhere' && isInCheckout(directory) && !(await isThisMachine(url)));
  if (!isSent) {
    return { type: 'directory', project_directory: directory, ...more };
  }
  // Loaded only when needed: running git takes a library.
  const { sendSnapshot } = await import('../../../project/snapshot/snapshot.js');
  const patience = { clock: systemClock, random: Math.random, signal };
  // Before the snapshot is made, since the address may be wrong.
  await retry(() => client.knownPacks([], { signal }), { ...patience, giveUpAfterMs: FIRST_CONTACT_MS });
  const { project, hasChanges, revision, bytesSent, notes } = await sendSnapshot({
    directory,
    excluded: [results],
    env: ownEnvironment(process.env),
    relay: masterRelay(client, { ...patience, patienceMs: RELAY_PATIENCE_MS }),
    signal,
    clock: systemClock,
  });
  const changes = hasChanges ? ', with what is not committed' : '; all of it is committed';
  const other = snapshot === 'always' ? '' : ' `build directory` would take the folder that slaves have.';
  display.say(
    `Sent the working tree as it stands${changes} (snapshot ${project.hash.slice(0, 12)}, ${size(bytesSent)}).${other}`,
  );
  for (const note of notes) {
    display.say(note);
  }
  return {
    type: 'snapshot',
    hash: project.hash,
    ...(revision === null ? {} : { revision }),
    ...(project.url === null ? {} : { url: project.url }),
    ...(project.project_directory === null ? {} : { project_directory: project.project_directory }),
    ...more,
  };
}

/** @throws ClusterRunnerError USAGE, PREPARATION_FAILED; the reason of `signal` */
async function changedFilesSince(directory: string, since: string, signal: AbortSignal): Promise<string[]> {
  const [{ createGit }, { gitEnvironment }, { changedInWorkingTree }] = await Promise.all([
    import('../../../project/git/git.js'),
    import('../../../project/git/git-environment.js'),
    import('../../../project/git/changed-paths.js'),
  ]);
  const env = { ...gitEnvironment(ownEnvironment(process.env), false, []), GIT_OPTIONAL_LOCKS: '0' };
  return changedInWorkingTree(createGit(env, signal, systemClock), directory, since);
}

/** Longer than a restart of the master, so that a snapshot that was sent is not lost. */
const RELAY_PATIENCE_MS = 60_000;

function size(bytes: number): string {
  return bytes < 1024 ** 2 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
