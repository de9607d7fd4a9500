import { parentPort } from 'node:worker_threads';
import { countLineEnds, LINE_END } from '../../../lib/text/line-ends.js';
import type { ConsoleSearch } from '../../../protocol/build/console-search.js';
import { ClusterRunnerError, messageOf } from '../../../protocol/errors.js';
import { useArchivedConsole } from '../archived.js';
import type { ConsoleSource } from '../page.js';
import { lineMatcher } from './line-matcher.js';
import type { SearchJob, SearchReply } from './search-job.js';
import { searchLines } from './search-lines.js';

/* The program of the thread: it searches one console after another. */

parentPort?.on(
  'message',
  (job: SearchJob) => void search(job).then((reply) => parentPort?.postMessage(reply)),
);

async function search(job: SearchJob): Promise<SearchReply> {
  try {
    return { search: await resultOf(job) };
  } catch (error) {
    const code = error instanceof ClusterRunnerError ? error.code : null;
    return { error: { code, message: messageOf(error) } };
  }
}

function resultOf({ content, wanted, request, milliseconds }: SearchJob): Promise<ConsoleSearch> {
  const matcher = lineMatcher(wanted);
  const end = performance.now() + milliseconds;
  const run = (source: ConsoleSource) =>
    searchLines(source, matcher, request, () => performance.now() >= end);
  return 'archive' in content
    ? useArchivedConsole(content.archive, content.index, content.console, run)
    : run(inMemory(content.bytes, content.linesBefore));
}

const PIECE_BYTES = 1024 * 1024;

function inMemory(content: Uint8Array, linesBefore: number): ConsoleSource {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const endsInLine = bytes.length > 0 && bytes.at(-1) !== LINE_END;
  return {
    totalLines: linesBefore + countLineEnds(bytes) + (endsInLine ? 1 : 0),
    placeBefore: () => ({ position: 0, lineEnds: linesBefore }),
    async *read(position) {
      for (let at = position; at < bytes.length; at += PIECE_BYTES) {
        yield bytes.subarray(at, at + PIECE_BYTES);
      }
    },
  };
}
