import { readFileSync, statSync } from 'node:fs';
import type { Server } from 'node:https';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { nullOn } from '../../lib/error-code.js';
import type { Logger } from '../../lib/logger.js';
import { ClusterRunnerError, messageOf } from '../../protocol/errors.js';

/** A certificate, followed by its chain, and its key; both in PEM. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly log: Logger;
}

/** How often the files are checked for a change, with two calls of `stat`. */
const LOOK_EVERY_MS = 2_000;
const HANDSHAKE_MS = 10_000;

/** @throws ClusterRunnerError CONFIG_INVALID when the files are no certificate with its key */
export function tlsOptions(files: TlsFiles): SecureContextOptions & { readonly handshakeTimeout: number } {
  try {
    return { ...readContext(files), handshakeTimeout: HANDSHAKE_MS };
  } catch (error) {
    throw new ClusterRunnerError(
      'CONFIG_INVALID',
      `HTTPS is not possible with https_cert_file ${files.certFile} and https_key_file ${files.keyFile}: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}

/** Serves new connections with a renewed certificate. The old one stays until the new files fit together. */
export function keepRenewed(server: Server, files: TlsFiles): void {
  let seen = stateOf(files);
  let refused: string | null = null;
  const timer = setInterval(() => {
    const state = stateOf(files);
    if (state === null || state === seen) {
      return;
    }
    try {
      server.setSecureContext(readContext(files));
      seen = state;
      refused = null;
      files.log.info(`The certificate was read again from ${files.certFile}.`);
    } catch (error) {
      // A certificate is often written a moment before its key.
      if (refused !== state) {
        files.log.warn(
          `The renewed certificate cannot be used yet: ${messageOf(error)}. The old one stays in use.`,
        );
      }
      refused = state;
    }
  }, LOOK_EVERY_MS);
  timer.unref();
  server.once('close', () => clearInterval(timer));
}

function readContext({ certFile, keyFile }: TlsFiles): SecureContextOptions {
  const options = {
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
    minVersion: 'TLSv1.2',
  } as const;
  // Throws when certificate and key do not fit together, before anybody connects.
  createSecureContext(options);
  return options;
}

/** null while one of the files is missing. */
function stateOf({ certFile, keyFile }: TlsFiles): string | null {
  return nullOn(['ENOENT', 'EACCES'], () =>
    [certFile, keyFile]
      .map((file) => statSync(file, { bigint: true }))
      .map(({ ino, size, mtimeNs }) => [ino, size, mtimeNs].join(' '))
      .join('\n'),
  );
}
