import { gzipSync } from 'node:zlib';
import { tarHeader, tarPadding } from '../../src/lib/formats/tar-header.js';
import { type AtomId, atomFolder, type SubjobId } from '../../src/protocol/ids.js';
import { BLOCK_BYTES, type ConsoleIndex, type ResultIndex } from '../../src/protocol/results/result-index.js';
import { ConsoleIndexer } from '../../src/slave/archive/console-indexer.js';

const CONSOLE = Buffer.from('ok\n');
const CONSOLE_PADDING = tarPadding(CONSOLE.length);
const mtime = new Date(0);
const FOLDER = tarHeader({ path: 'folder/', type: 'Directory', size: 0, mode: 0o755, mtime });
const FILE = tarHeader({ path: 'file', type: 'File', size: CONSOLE.length, mode: 0o644, mtime });
/** With zlib's default memory, initializing it would take most of the time. */
const LEAN = { level: 1, windowBits: 10, memLevel: 2, chunkSize: 4096 };

/** A small archive as slaves deliver it: a folder with a console for each atom. */
export function sampleArchive(
  subjob: SubjobId,
  atoms: readonly AtomId[],
): { archive: Buffer; index: ResultIndex } {
  const consoles: ConsoleIndex[] = [];
  const tar = tarOf(subjob, atoms, consoles);
  const members: Buffer[] = [];
  for (let at = 0; at < tar.length; at += BLOCK_BYTES) {
    members.push(gzipSync(tar.subarray(at, at + BLOCK_BYTES), LEAN));
  }
  const archive = members.length === 1 && members[0] !== undefined ? members[0] : Buffer.concat(members);
  return { archive, index: { members: members.map(({ length }) => length), consoles } };
}

function tarOf(subjob: SubjobId, atoms: readonly AtomId[], consoles: ConsoleIndex[]): Buffer {
  const parts: Buffer[] = [];
  let position = 0;
  const put = (bytes: Buffer) => {
    parts.push(bytes);
    position += bytes.length;
  };
  for (const atom of atoms) {
    const folder = atomFolder(subjob, atom);
    put(named(FOLDER, `${folder}/`));
    put(named(FILE, `${folder}/clusterrunner_console_output`));
    const indexer = new ConsoleIndexer(atom, position);
    indexer.pass(CONSOLE);
    consoles.push(indexer.index());
    put(CONSOLE);
    put(CONSOLE_PADDING);
  }
  return Buffer.concat(parts);
}

/** The header with another name; creating a new one would take most of the time for an atom here. */
function named(header: Buffer, path: string): Buffer {
  const block = Buffer.from(header);
  block.fill(0, 0, 100);
  block.write(path, 0, 100, 'latin1');
  // The checksum is computed with spaces in its own field.
  block.fill(' ', 148, 156);
  const sum = block.reduce((all, byte) => all + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
  return block;
}
