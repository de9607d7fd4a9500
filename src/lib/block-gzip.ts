import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compress = promisify(gzip);

export interface BlockGzipOptions {
  /** Bytes of input in each gzip member but the last. */
  readonly blockBytes: number;
  /** 1 to 9, as gzip's. */
  readonly level: number;
  /** Told the compressed length of each member, in order. */
  onMember(bytes: number): void;
}

/**
 * Compresses in blocks, each a gzip member of its own, so that a reader who knows their lengths can start at any of
 * them; to everybody else it is one gzip stream (RFC 1952, section 2.2). Nothing comes of no input.
 */
export async function* blockGzip(
  input: AsyncIterable<Uint8Array>,
  options: BlockGzipOptions,
): AsyncGenerator<Buffer> {
  let parts: Uint8Array[] = [];
  let room = options.blockBytes;
  const member = async () => {
    const bytes = await compress(Buffer.concat(parts), { level: options.level });
    parts = [];
    room = options.blockBytes;
    options.onMember(bytes.length);
    return bytes;
  };
  for await (const chunk of input) {
    for (let rest = chunk; rest.length > 0; ) {
      const taken = rest.subarray(0, room);
      parts.push(taken);
      room -= taken.length;
      rest = rest.subarray(taken.length);
      if (room === 0) {
        yield await member();
      }
    }
  }
  if (parts.length > 0) {
    yield await member();
  }
}
