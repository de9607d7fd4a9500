import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AtomId, toId } from '../../src/protocol/ids.js';
import type { ResultIndex } from '../../src/protocol/result-index.js';
import { writeArchive } from '../../src/slave/archive/write-archive.js';

/** Small archives as slaves deliver them: one for each number of atoms, whatever the atoms are. */
export class SampleArchives {
  readonly #home: string;
  readonly #folder: string;
  readonly #made = new Map<number, Promise<{ file: string; index: ResultIndex }>>();

  constructor(home: string) {
    this.#home = home;
    this.#folder = join(home, 'atom');
    mkdirSync(this.#folder, { recursive: true });
    for (const [name, content] of Object.entries({
      clusterrunner_command: 'export TEST=1\n',
      clusterrunner_console_output: 'ok\n',
      clusterrunner_exit_code: '0\n',
      clusterrunner_time: '0.01\n',
    })) {
      writeFileSync(join(this.#folder, name), content);
    }
  }

  async of(atoms: readonly AtomId[]): Promise<{ file: string; index: ResultIndex }> {
    const made = this.#made.get(atoms.length) ?? this.#make(atoms.length);
    this.#made.set(atoms.length, made);
    const { file, index } = await made;
    const consoles = index.consoles.map((console, at) => ({
      ...console,
      atom_id: atoms[at] ?? console.atom_id,
    }));
    return { file, index: { ...index, consoles } };
  }

  async #make(count: number): Promise<{ file: string; index: ResultIndex }> {
    const file = join(this.#home, `${count}.tar.gz`);
    const folders = Array.from({ length: count }, (_, at) => ({
      atom: toId.atom(at),
      path: this.#folder,
      name: `artifact_0_${at}`,
      console: 'clusterrunner_console_output',
      added: [],
    }));
    return { file, index: await writeArchive(folders, file) };
  }
}
