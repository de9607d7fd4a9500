import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { MasterClient } from '../../../client/master-client.js';
import type { Build } from '../../../protocol/build/build.js';
import { ClusterRunnerError, messageOf } from '../../../protocol/errors.js';
import { type Patience, retryPatiently } from '../patience.js';
import { JUNIT, writeJunit } from './junit.js';
import { ReportAtomList } from './report-atoms.js';
import { writeReport } from './report-file.js';
import { copySetups } from './setup-files.js';
import { nearestFolder, type Unpacked, unpackResults } from './unpack-results.js';

export interface FetchOptions extends Patience {
  /** Called with how much of the archive has arrived; `total` is null when unknown. */
  onProgress?(bytes: number, total: number | null): void;
}

/** Adds the JUnit report, the outputs of setups and the report to unpacked results. @throws as these */
export async function completeResults(
  client: MasterClient,
  build: Build,
  directory: string,
  patience: Patience,
): Promise<void> {
  const atoms = new ReportAtomList(build.atom_variables);
  const noting: Pick<MasterClient, 'listAtoms'> = {
    async listAtoms(...call) {
      const page = await client.listAtoms(...call);
      atoms.add(page.atoms);
      return page;
    },
  };
  await writeJunit(noting, build, directory, patience);
  await copySetups(directory, patience.signal);
  await writeReport(build, atoms, directory);
}

/**
 * Fetches the results of a build that has ended into `target`, which must be replaceable, with their JUnit report.
 * @throws ClusterRunnerError; the signal's reason
 */
export async function fetchResults(
  client: MasterClient,
  build: Build,
  target: string,
  options: FetchOptions,
): Promise<Unpacked> {
  const { signal, onProgress } = options;
  const open = () => client.openArtifacts(build.id, { signal });
  const { stream, bytes: total } = await retryPatiently(open, options);
  return unpackResults(stream, target, {
    signal,
    // A proxy may remove Content-Length, and then hide that the download broke off.
    requiresEndMark: total === null,
    onProgress: (bytes) => onProgress?.(bytes, total),
    complete: (directory) => completeResults(client, build, directory, options),
  });
}

/**
 * Checks, before anything is built, that a copy of the JUnit report can be written to `file`.
 * @throws ClusterRunnerError USAGE
 */
export function requirePlaceOfJunit(file: string): void {
  const place = resolve(file);
  let isFolder: boolean;
  try {
    isFolder = statSync(place, { throwIfNoEntry: false })?.isDirectory() === true;
    // The slash makes it an error where a file is in the way; later versions of Node find nothing at `place` then.
    accessSync(`${nearestFolder(dirname(place))}/`, constants.W_OK);
  } catch (error) {
    throw new ClusterRunnerError(
      'USAGE',
      `--junit ${file} cannot be written (${messageOf(error)}); give another place.`,
      { cause: error },
    );
  }
  if (isFolder) {
    throw new ClusterRunnerError('USAGE', `--junit ${file} is a folder; give the name of a file.`);
  }
}

/**
 * Removes an earlier report before anything is built, so that nobody publishes it for a build that could not be run.
 * @throws ClusterRunnerError USAGE
 */
export function removeEarlierJunit(file: string): void {
  try {
    rmSync(resolve(file), { force: true });
  } catch (error) {
    throw new ClusterRunnerError(
      'USAGE',
      `The earlier report ${file} cannot be removed (${messageOf(error)}); remove it, or give another place with --junit.`,
      { cause: error },
    );
  }
}

/**
 * Copies the JUnit report of `target` to `file`, and creates folders above it.
 * @throws ClusterRunnerError USAGE when that cannot be written
 */
export function copyJunit(target: string, file: string): void {
  const place = resolve(file);
  try {
    mkdirSync(dirname(place), { recursive: true });
    copyFileSync(join(target, JUNIT), `${place}.new`);
    renameSync(`${place}.new`, place);
  } catch (error) {
    if (existsSync(`${place}.new`)) {
      rmSync(`${place}.new`);
    }
    throw new ClusterRunnerError(
      'USAGE',
      `The JUnit report could not be written to ${file} (${messageOf(error)}); it is in ${join(target, JUNIT)}.`,
      { cause: error },
    );
  }
}
