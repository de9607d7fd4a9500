import { createHash } from 'node:crypto';

/*
 * Commits that are made for snapshots. Who makes one of the same tree gets the same commit, on any machine and at any
 * time: so the hash of what the master may have can be told without having made it, and what it has is not sent twice.
 */

const WHO = { name: 'ClusterRunner', email: 'clusterrunner@invalid' };
export const MESSAGE = 'The working tree as it stood';

/** Of a commit in the user's repository. */
export interface Committed {
  readonly commit: string;
  readonly tree: string;
  /** When it was committed, in seconds since the epoch. */
  readonly seconds: number;
}

/** What makes `git commit-tree` write such a commit. */
export function deterministicEnvironment(seconds: number): Record<string, string> {
  // With `@`: small numbers are dates of another form.
  const date = `@${seconds} +0000`;
  return {
    GIT_AUTHOR_NAME: WHO.name,
    GIT_AUTHOR_EMAIL: WHO.email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: WHO.name,
    GIT_COMMITTER_EMAIL: WHO.email,
    GIT_COMMITTER_DATE: date,
  };
}

/** The hash that the commit of this tree has that has no parent. */
export function deterministicCommit({ tree, seconds }: Omit<Committed, 'commit'>): string {
  const by = `${WHO.name} <${WHO.email}> ${seconds} +0000`;
  const content = `tree ${tree}\nauthor ${by}\ncommitter ${by}\n\n${MESSAGE}\n`;
  return createHash(tree.length === 64 ? 'sha256' : 'sha1')
    .update(`commit ${Buffer.byteLength(content)}\0${content}`)
    .digest('hex');
}
