/** A file at the top of a build's results that names the folders of its failed atoms. */
export const FAILURES_FILE = 'failures.txt';

/** null when no atom has failed, and there is no such file. */
export function failuresText(failedFolders: readonly string[]): string | null {
  return failedFolders.length === 0 ? null : failedFolders.map((folder) => `${folder}\n`).join('');
}
