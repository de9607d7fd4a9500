import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { errorCode } from '../../../lib/error-code.js';

/** Whether the URL's host is this machine, so that both see the same folders. False for an unknown name. */
export async function isThisMachine(url: string): Promise<boolean> {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  const own = new Set(
    Object.values(networkInterfaces()).flatMap((addresses) => addresses?.map(({ address }) => address) ?? []),
  );
  const found = await lookup(host, { all: true }).catch((error: unknown) => {
    if (errorCode(error) !== undefined) {
      return [];
    }
    throw error;
  });
  return found.some(({ address }) => own.has(address) || /^(::ffff:)?127\.|^::1$/.test(address));
}
