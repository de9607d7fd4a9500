import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unmaskProjectDirectory } from '../../job/atomizer-output.js';
import type { AtomPlace } from '../build/subjob-record.js';
import type { SubjobRun } from '../build/subjob-run.js';

/** Writes the values of the atoms, one a line, and returns the path of the file. `name` distinguishes it within the subjob. */
export function writeAtomsFile(run: SubjobRun, places: readonly AtomPlace[], name: string): string {
  const file = join(run.directory, `atoms_of_${name}`);
  const lines = valuesOf(run, places).map((value) => `${value}\n`);
  writeFileSync(file, lines.join(''), { mode: 0o600 });
  return file;
}

/** The values of atoms as their commands get them. */
export function valuesOf({ projectDirectory }: SubjobRun, places: readonly AtomPlace[]): string[] {
  return places.map(({ atom }) => unmaskProjectDirectory(atom.value, projectDirectory));
}
