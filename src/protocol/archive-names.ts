/**
 * Whether a symbolic link at `path` (`artifact_0_1/a/link`) leads to a place in its atom's folder, also when other such
 * links lie on the way: it may go up first, no further than to that folder, and then only down.
 */
export function staysInFolder(path: string, target: string): boolean {
  if (target === '' || target.startsWith('/') || target.includes('\0')) {
    return false;
  }
  const steps = target.split('/').filter((step) => step !== '' && step !== '.');
  const firstDown = steps.findIndex((step) => step !== '..');
  const ups = firstDown === -1 ? steps.length : firstDown;
  // The atom's folder, and the link itself.
  const depth = path.split('/').length - 2;
  return ups <= depth && !steps.slice(ups).includes('..');
}

/** Whether a name goes up on some system: where `\` is no separator, `a\..\b` is the name of a file. */
export function goesUp(path: string): boolean {
  return path.split(/[/\\]/).includes('..');
}
