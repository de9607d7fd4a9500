import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { FileIndex } from '../../job/inputs/file-index.js';
import { inputDigests } from '../../job/inputs/input-digests.js';
import type { Workspace } from '../../project/workspace/open-workspace.js';
import type { NamedJob } from '../../protocol/build/job.js';
import { dependencyCacheOf, type JobInputs } from '../../protocol/build/job-inputs.js';
import type { RemoteFile } from '../../protocol/build/project.js';
import type { PreparedInputs } from '../../protocol/slave/optional-reports.js';
import type { ListedAtom } from '../../protocol/slave/slave-messages.js';

export interface InputsOfBuild {
  readonly job: NamedJob;
  readonly inputs: JobInputs;
  readonly tree: Workspace['tree'];
  /** See digestsOfDownloads. */
  readonly downloaded: readonly string[];
}

/**
 * For each atom the digest of its inputs, or why it has none. The hashes are those of the commit: nothing that runs can change
 * them, and setup_build makes its files of the same commit wherever the atoms run.
 * @throws ClusterRunnerError PREPARATION_FAILED for an entry of `inputs` that names no file
 */
export async function atomInputs(
  { job, inputs, tree: readTree, downloaded }: InputsOfBuild,
  atoms: readonly ListedAtom[],
): Promise<PreparedInputs['atoms']> {
  const tree = await readTree();
  if (tree === null || tree.files === null) {
    const problem = tree === null ? 'FOLDER' : 'TOO_MANY_FILES';
    return atoms.map(() => problem);
  }
  const { folder, linkText } = tree;
  const index = new FileIndex(tree.files);
  const keyFiles = (dependencyCacheOf(job.definition)?.key ?? []).flatMap((path) =>
    index.at(posix.join(folder, path)).flatMap((file) => [file.path, file.mode, file.hash]),
  );
  const extra = [folder, ...keyFiles, ...downloaded];
  const found = await inputDigests({ entries: inputs.files, index, folder, extra, linkText }, atoms);
  return found.map((one) => ('digest' in one ? one.digest : one.problem));
}

/** The names and digests of the files that a build has downloaded. */
export async function digestsOfDownloads(
  files: readonly RemoteFile[],
  projectDirectory: string,
): Promise<string[]> {
  const digests: string[] = [];
  for (const { name } of files) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(join(projectDirectory, name)), hash);
    digests.push(name, hash.digest('hex'));
  }
  return digests;
}
