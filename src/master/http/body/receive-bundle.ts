import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { ClusterRunnerError } from '../../../protocol/errors.js';
import { incomingPath } from '../../archives/incoming/incoming-archive.js';
import { keeping } from '../../archives/incoming/on-disk.js';
import type { ReceivedBundle } from '../../state/master-api.js';
import type { IncomingBody } from '../handler.js';

const onDisk = keeping('the project', 'make room there');

export interface BundleQuota {
  /** The largest bundle that is accepted. */
  readonly maxBytes: number;
  /** Throws UNAVAILABLE when the disk has no space for so many more bytes. */
  requireSpace(bytes: number): void;
}

/**
 * Streams a bundle to a temporary file, and passes it to `accept` when it is complete and its signature verified. No
 * temporary file stays.
 * @throws ClusterRunnerError BODY_TOO_LARGE, UNAUTHENTICATED, UNAVAILABLE (the disk does not take it)
 */
export async function receiveBundle(
  body: IncomingBody,
  temporaryDirectory: string,
  quota: BundleQuota,
  accept: (received: ReceivedBundle) => Promise<void>,
): Promise<void> {
  const temporaryPath = incomingPath(temporaryDirectory);
  const hash = createHash('sha256');
  try {
    const file = await onDisk(() => open(temporaryPath, 'wx', 0o600));
    const bytes = await write(file, body, quota, (chunk) => hash.update(chunk)).finally(() => file.close());
    const digest = hash.digest();
    body.verify(digest);
    await onDisk(() => accept({ temporaryPath, bytes, digest: digest.toString('hex') }));
  } finally {
    // An accepted one has been moved.
    if (existsSync(temporaryPath)) {
      await rm(temporaryPath, { force: true });
    }
  }
}

async function write(
  file: FileHandle,
  body: IncomingBody,
  { maxBytes, requireSpace }: BundleQuota,
  seen: (chunk: Buffer) => void,
): Promise<number> {
  let bytes = 0;
  for await (const chunk of body.chunks) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      throw new ClusterRunnerError(
        'BODY_TOO_LARGE',
        `The master has room for ${maxBytes} bytes of this project, and it has more; raise packs_max_mib on the master, or keep large files out of the repository.`,
      );
    }
    seen(chunk);
    requireSpace(chunk.length);
    await onDisk(() => file.appendFile(chunk));
  }
  return bytes;
}
