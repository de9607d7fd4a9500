import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

const END_OF_TAR = 1024;

/** A subjob's file as slaves deliver it: one gzip member, its tar without the zero blocks at its end. */
export async function subjobArchive(entries: Readonly<Record<string, string>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(entries)) {
    tar.entry({ name, mtime: new Date(1_700_000_000_000) }, content);
  }
  tar.finalize();
  const whole = await buffer(tar);
  return gzipSync(whole.subarray(0, whole.length - END_OF_TAR));
}
