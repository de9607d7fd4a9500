import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { blockGzip } from '../../src/lib/block-gzip.js';
import { tarHeader, tarPadding } from '../../src/lib/tar-header.js';
import { type AtomId, atomFolder, type LeaseId, type SubjobId } from '../../src/protocol/ids.js';
import { BLOCK_BYTES, type ConsoleIndex, type ResultIndex } from '../../src/protocol/result-index.js';
import { ConsoleIndexer } from '../../src/slave/archive/console-indexer.js';

const CONSOLE = Buffer.from('ok\n');
const mtime = new Date(0);

/** Small archives as slaves deliver them: a folder with its console for each atom. */
export class SampleArchives {
  readonly #home: string;

  constructor(home: string) {
    this.#home = home;
  }

  async write(
    lease: LeaseId,
    subjob: SubjobId,
    atoms: readonly AtomId[],
  ): Promise<{ file: string; index: ResultIndex }> {
    const members: number[] = [];
    const consoles: ConsoleIndex[] = [];
    const parts: Buffer[] = [];
    const gzip = { blockBytes: BLOCK_BYTES, level: 1, onMember: (bytes: number) => members.push(bytes) };
    for await (const part of blockGzip(tarOf(subjob, atoms, consoles), gzip)) {
      parts.push(part);
    }
    const file = join(this.#home, `${lease}.tar.gz`);
    writeFileSync(file, Buffer.concat(parts));
    return { file, index: { members, consoles } };
  }

  remove(file: string): void {
    rmSync(file);
  }
}

async function* tarOf(
  subjob: SubjobId,
  atoms: readonly AtomId[],
  consoles: ConsoleIndex[],
): AsyncGenerator<Buffer> {
  let position = 0;
  for (const atom of atoms) {
    const folder = atomFolder(subjob, atom);
    const header = Buffer.concat([
      tarHeader({ path: `${folder}/`, type: 'Directory', size: 0, mode: 0o755, mtime }),
      tarHeader({
        path: `${folder}/clusterrunner_console_output`,
        type: 'File',
        size: CONSOLE.length,
        mode: 0o644,
        mtime,
      }),
    ]);
    const indexer = new ConsoleIndexer(atom, position + header.length);
    indexer.pass(CONSOLE);
    consoles.push(indexer.index());
    const bytes = Buffer.concat([header, CONSOLE, tarPadding(CONSOLE.length)]);
    position += bytes.length;
    yield bytes;
  }
}
