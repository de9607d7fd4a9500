import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { ConsolePage } from '../../protocol/build/work.js';
import { BLOCK_BYTES, type ConsoleIndex, type ResultIndex } from '../../protocol/results/result-index.js';
import { unreadable } from '../archives/unreadable.js';
import { type ConsoleSource, type PageRequest, readPage } from './page.js';

const unzip = promisify(gunzip);

/**
 * A page of a console in a subjob's archive. It reads a block or two, however large the archive is.
 * @throws ClusterRunnerError RESULT_UNREADABLE when it is not where the index says
 */
export function readArchivedConsole(
  archive: string,
  index: ResultIndex,
  console: ConsoleIndex,
  request: PageRequest,
): Promise<ConsolePage> {
  return useArchivedConsole(archive, index, console, (source) => readPage(source, request));
}

/**
 * Calls `use` with a console in a subjob's archive.
 * @throws ClusterRunnerError RESULT_UNREADABLE when it is not where the index says; also when `use` fails
 */
export async function useArchivedConsole<T>(
  archive: string,
  index: Pick<ResultIndex, 'members'>,
  console: ConsoleIndex,
  use: (source: ConsoleSource) => Promise<T>,
): Promise<T> {
  try {
    const file = await open(archive, 'r');
    try {
      return await use(archivedConsole(file, index, console));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unreadable(archive, error);
  }
}

function archivedConsole(
  file: FileHandle,
  index: Pick<ResultIndex, 'members'>,
  console: ConsoleIndex,
): ConsoleSource {
  const firstBoundary = (Math.floor(console.offset / BLOCK_BYTES) + 1) * BLOCK_BYTES - console.offset;
  return {
    totalLines: console.lines,
    placeBefore(line) {
      // The last boundary before the line's first byte: fewer than `line` lines end before it.
      let low = 0;
      let high = console.marks.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((console.marks[middle] ?? 0) < line) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      return low === 0
        ? { position: 0, lineEnds: 0 }
        : { position: firstBoundary + (low - 1) * BLOCK_BYTES, lineEnds: console.marks[low - 1] ?? 0 };
    },
    async *read(position) {
      const end = console.offset + console.bytes;
      for (let at = console.offset + position; at < end; ) {
        const number = Math.floor(at / BLOCK_BYTES);
        const block = await readBlock(file, index, number);
        const start = number * BLOCK_BYTES;
        const piece = block.subarray(at - start, Math.min(block.length, end - start));
        if (piece.length === 0) {
          throw new Error(`Block ${number} of a result is shorter than its index says.`);
        }
        yield piece;
        at += piece.length;
      }
    },
  };
}

async function readBlock(
  file: FileHandle,
  { members }: Pick<ResultIndex, 'members'>,
  number: number,
): Promise<Buffer> {
  const length = members[number];
  if (length === undefined) {
    throw new Error(`A result has no block ${number}.`);
  }
  const position = members.slice(0, number).reduce((sum, bytes) => sum + bytes, 0);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return unzip(buffer.subarray(0, bytesRead), { maxOutputLength: BLOCK_BYTES });
}
