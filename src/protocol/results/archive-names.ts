/*
 * Files that the program adds to the folder of each atom.
 */

/** The script that reruns the atom. Since people run it, only the master writes it. */
export const COMMAND_FILE = 'clusterrunner_command';
/** The output of its commands. */
export const CONSOLE_FILE = 'clusterrunner_console_output';
/** Its exit code, as a line of text. */
export const EXIT_CODE_FILE = 'clusterrunner_exit_code';
/** How many seconds it took, as a line of text. */
export const TIME_FILE = 'clusterrunner_time';
/** Names what is missing in the folder, and why; only where something is. */
export const NOTES_FILE = 'clusterrunner_notes';
/** Only in the folder of the first atom that a slave has delivered of a build: what `setup_build` printed there. */
export const SETUP_FILE = 'clusterrunner_setup_output';

/**
 * Whether a name in the folder of an atom is that of its script, or becomes it on some system. Such a system ignores case or
 * some characters, normalizes letters, or drops a `.` at the end; in a zip, a `\` becomes `_`.
 */
export function isCommandFile(name: string): boolean {
  return (
    name.length >= COMMAND_FILE.length &&
    name
      .normalize('NFKC')
      .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
      .replaceAll('\\', '_')
      .replace(/^(.{21})[. ]+$/s, '$1')
      .toLowerCase() === COMMAND_FILE
  );
}

/**
 * Whether a symbolic link at `path` (`artifact_0_1/a/link`) leads to a path in its atom's folder, even over other such
 * links. It may first go up, as far as that folder, and then only down.
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

/** Whether a path goes up on some system: `a\..\b` is the name of a file where `\` is no separator. */
export function goesUp(path: string): boolean {
  return path.split(/[/\\]/).includes('..');
}
