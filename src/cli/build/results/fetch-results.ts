import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { MasterClient } from '../../../client/master-client.js';
import { ifPresent } from '../../../lib/error-code.js';
import type { Build } from '../../../protocol/build/build.js';
import { ClusterRunnerError, messageOf } from '../../../protocol/errors.js';
import { ATOM_FOLDER } from '../../../protocol/results/artifact.js';
import { type Patience, retryPatiently } from '../patience.js';
import { CachedAtomsFile } from './cached-atoms-file.js';
import { ignoreInGit } from './ignore-file.js';
import { JUNIT, pagesOfAtoms, writeJunit } from './junit.js';
import { GatheredAtoms } from './report/report-atoms.js';
import { REPORT, type ReportTarget, writeReport } from './report/write-report.js';
import type { ResultPlace } from './result-place.js';
import { copySetups } from './setup-files.js';
import { nearestFolder, replaceableFolder, type Unpacked, unpackResults } from './unpack-results.js';

/** A build without results is reported without its atoms when listing them takes longer. */
const MAX_LISTING_MS = 20_000;

export interface FetchOptions extends Patience {
  /** The folder that the results replace; see replaceableFolder. */
  readonly place: ResultPlace;
  /** For the commands in the report; null when the master ends with this command. */
  readonly masterUrl: string | null;
  /** Called with a message when the report could not be written. */
  onWarning(message: string): void;
  /** Called with how much of the archive has arrived; `total` is null when unknown. */
  onProgress?(bytes: number, total: number | null): void;
}

/**
 * Adds the JUnit report, the outputs of setups and the report for people to unpacked results. Without the last one they are
 * complete too.
 * @throws as writeJunit and copySetups; the signal's reason
 */
export async function completeResults(
  client: MasterClient,
  build: Build,
  directory: string,
  options: FetchOptions,
): Promise<void> {
  const atoms = new GatheredAtoms(build.atom_variables);
  const cached = new CachedAtomsFile(directory, build.atom_variables);
  await writeJunit(client, build, directory, options, (page) => {
    atoms.add(page);
    cached.add(page);
  }).finally(() => cached.close());
  await copySetups(directory, options.signal);
  await tryToReport(build, atoms, { directory, hasResults: true, leftOut: [] }, options);
}

/**
 * Writes the report of a build that has no results. Other files stay, which are of an earlier build.
 * @returns whether it is written
 * @throws the signal's reason
 */
export async function reportAlone(
  client: MasterClient,
  build: Build,
  options: FetchOptions,
): Promise<boolean> {
  const atoms = new GatheredAtoms(build.atom_variables);
  const leftOut: string[] = [];
  try {
    const directory = replaceableFolder(options.place.directory);
    mkdirSync(directory, { recursive: true });
    if (hasEarlierResults(directory)) {
      leftOut.push('The other files beside this report are of an earlier build.');
    }
    ignoreInGit(directory, directory);
    if (!(await gatherSoon(client, build, atoms, options.signal))) {
      leftOut.push('The atoms are not listed, since the master did not respond.');
    }
    return await tryToReport(build, atoms, { directory, hasResults: false, leftOut }, options);
  } catch (error) {
    options.signal.throwIfAborted();
    options.onWarning(reportProblem(error));
    return false;
  }
}

/** Whether a folder has results, and not only a report. */
export function hasEarlierResults(directory: string): boolean {
  const names = ifPresent(() => readdirSync(directory)) ?? [];
  return names.some((name) => name === JUNIT || ATOM_FOLDER.test(name));
}

/** Adds all atoms of a build, unless the master takes too long. @returns whether it has @throws the signal's reason */
async function gatherSoon(
  client: MasterClient,
  { id, num_atoms: number }: Build,
  atoms: GatheredAtoms,
  signal: AbortSignal,
): Promise<boolean> {
  if (number === null || number === 0) {
    return true;
  }
  try {
    const soon = AbortSignal.any([signal, AbortSignal.timeout(MAX_LISTING_MS)]);
    for await (const page of pagesOfAtoms(client, id, { signal: soon })) {
      atoms.add(page);
    }
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

async function tryToReport(
  build: Build,
  atoms: GatheredAtoms,
  target: Pick<ReportTarget, 'directory' | 'hasResults' | 'leftOut'>,
  { place, masterUrl, signal, onWarning }: FetchOptions,
): Promise<boolean> {
  try {
    await writeReport(build, atoms, { ...target, place, masterUrl }, signal);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    onWarning(reportProblem(error));
    return false;
  }
}

function reportProblem(error: unknown): string {
  return `${REPORT} could not be written (${messageOf(error)}); the verdict and the other results do not depend on it.`;
}

/**
 * Fetches the results of a build that has ended into their place, which must be replaceable, with their reports.
 * @throws ClusterRunnerError; the signal's reason
 */
export async function fetchResults(
  client: MasterClient,
  build: Build,
  options: FetchOptions,
): Promise<Unpacked> {
  const { signal, onProgress, place } = options;
  const open = () => client.openArtifacts(build.id, { signal });
  const { stream, bytes: total } = await retryPatiently(open, options);
  return unpackResults(stream, place.directory, {
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
