/**
 * Whether an absolute path is in a file system of Linux in which nobody can make files. Node's recursive mkdir never
 * returns there (v26 at least).
 */
export function isInPseudoFileSystem(path: string): boolean {
  return /^\/(?:proc|sys)(?:\/|$)/.test(path);
}
