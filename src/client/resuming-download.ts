import { Readable } from 'node:stream';
import type { Clock } from '../lib/clock.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import type { OpenedStream } from './connection.js';
import { RESTART_PATIENCE_MS, retry } from './retry.js';

export interface ResumeOptions {
  /** Opens the download; `headers` may have a Range. */
  readonly open: (headers: Readonly<Record<string, string>>) => Promise<OpenedStream>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

const MAX_BREAKS_IN_A_ROW = 10;

/**
 * Opens a download that is resumed where it breaks off, as long as the master has the same bytes. Without a known length or
 * ETag it cannot be resumed, and fails.
 * @throws what the first opening throws
 */
export async function openResumingDownload(options: ResumeOptions): Promise<OpenedStream> {
  const first = await options.open({});
  return { ...first, stream: Readable.from(chunksOf(first, options), { objectMode: false }) };
}

async function* chunksOf(first: OpenedStream, options: ResumeOptions): AsyncGenerator<unknown> {
  const { bytes, etag } = first;
  let received = 0;
  let breaks = 0;
  for (let opened = first; ; opened = await reopen(received, etag, options)) {
    // A failing reader throws into the `yield`: that ends the download, and is not a break of it.
    let isReadersTurn = false;
    try {
      for await (const chunk of opened.stream) {
        received += lengthOf(chunk);
        breaks = 0;
        isReadersTurn = true;
        yield chunk;
        isReadersTurn = false;
      }
      if (bytes === null || received === bytes) {
        return;
      }
    } catch (error) {
      const isFinal = bytes === null || etag === null || breaks >= MAX_BREAKS_IN_A_ROW;
      if (isReadersTurn || isFinal || options.signal.aborted) {
        throw error;
      }
    }
    breaks += 1;
    if (breaks > MAX_BREAKS_IN_A_ROW) {
      throw new ClusterRunnerError('MASTER_UNREACHABLE', `The download broke off ${breaks} times in a row.`);
    }
  }
}

async function reopen(from: number, etag: string | null, options: ResumeOptions): Promise<OpenedStream> {
  const headers = { range: `bytes=${from}-`, ...(etag === null ? {} : { 'if-range': etag }) };
  const { clock, random, signal } = options;
  const opened = await retry(() => options.open(headers), {
    clock,
    random,
    signal,
    giveUpAfterMs: RESTART_PATIENCE_MS,
  });
  if (!opened.isPart) {
    opened.stream.destroy();
    throw new ClusterRunnerError(
      'CONFLICT',
      'The file has changed during the download; fetch it again from its beginning.',
    );
  }
  return opened;
}

function lengthOf(chunk: unknown): number {
  if (!Buffer.isBuffer(chunk)) {
    throw new Error('A download contains something else than bytes.');
  }
  return chunk.length;
}
