import { createHash } from 'node:crypto';

/*
 * The commits of snapshots. The same tree gives the same commit, on any machine and at any time. So the hash of a commit that
 * the master may have is known without creating it, and nothing is sent twice.
 */

const AUTHOR = { name: 'ClusterRunner', email: 'clusterrunner@invalid' };
export const MESSAGE = 'The working tree as it stood';

/** A commit in the user's repository. */
export interface Committed {
  readonly commit: string;
  readonly tree: string;
  /** When it was committed, in seconds since the epoch. */
  readonly seconds: number;
}

/** The environment in which `git commit-tree` creates such a commit. */
export function deterministicEnvironment(seconds: number): Record<string, string> {
  // `@`: without it git reads small numbers as dates of another format.
  const date = `@${seconds} +0000`;
  return {
    GIT_AUTHOR_NAME: AUTHOR.name,
    GIT_AUTHOR_EMAIL: AUTHOR.email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: AUTHOR.name,
    GIT_COMMITTER_EMAIL: AUTHOR.email,
    GIT_COMMITTER_DATE: date,
  };
}

/** The hash of the snapshot commit of this tree without a parent. */
export function deterministicCommit({ tree, seconds }: Omit<Committed, 'commit'>): string {
  const by = `${AUTHOR.name} <${AUTHOR.email}> ${seconds} +0000`;
  const content = `tree ${tree}\nauthor ${by}\ncommitter ${by}\n\n${MESSAGE}\n`;
  return createHash(tree.length === 64 ? 'sha256' : 'sha1')
    .update(`commit ${Buffer.byteLength(content)}\0${content}`)
    .digest('hex');
}
