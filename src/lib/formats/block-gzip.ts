import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compress = promisify(gzip);

export interface BlockGzipOptions {
  /** Bytes of input in each gzip member except the last. */
  readonly blockBytes: number;
  /** 1 to 9, as gzip's. */
  readonly level: number;
  /** Called with the compressed length of each member, in order. */
  onMember(bytes: number): void;
}

/**
 * Compresses in blocks, each a gzip member of its own, so that a reader that knows their lengths can start at any of them;
 * together they are one gzip stream (RFC 1952, section 2.2). Yields nothing without input. Holds one block, into which the
 * input is copied, since thousands of small pieces would outlive the young generation of the heap, and make it grow.
 */
export async function* blockGzip(
  input: AsyncIterable<Uint8Array>,
  options: BlockGzipOptions,
): AsyncGenerator<Buffer> {
  const block = Buffer.allocUnsafe(options.blockBytes);
  let filled = 0;
  const member = async () => {
    const bytes = await compress(block.subarray(0, filled), { level: options.level });
    filled = 0;
    options.onMember(bytes.length);
    return bytes;
  };
  for await (const chunk of input) {
    for (let rest = chunk; rest.length > 0; ) {
      const taken = rest.subarray(0, block.length - filled);
      block.set(taken, filled);
      filled += taken.length;
      rest = rest.subarray(taken.length);
      if (filled === block.length) {
        yield await member();
      }
    }
  }
  if (filled > 0) {
    yield await member();
  }
}
