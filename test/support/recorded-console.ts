import type { RecordedConsole } from '../../src/slave/archive/write-archive.js';

/** A recorded console with these bytes. */
export function recordedConsole(printed: string | Buffer): RecordedConsole {
  const bytes = Buffer.from(printed);
  return {
    size: bytes.length,
    cutBytes: 0,
    async *content() {
      yield bytes;
    },
  };
}
