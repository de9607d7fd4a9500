import { isIP } from 'node:net';
import type { Networks } from '../../../lib/net/networks.js';

/**
 * The client address for limits and logs: the peer's, unless that is a trusted proxy. Each proxy appends the address of
 * its own peer to X-Forwarded-For, so the list is read from its end, as far as trusted proxies wrote it. Entries that the
 * client itself wrote come before those, and are never trusted.
 */
export function clientAddress(peer: string, forwardedFor: string | undefined, trusted: Networks): string {
  let address = peer;
  const forwarded = (forwardedFor ?? '').split(',');
  while (trusted.has(address)) {
    const before = addressIn(forwarded.pop() ?? '');
    if (before === null) {
      return address;
    }
    address = before;
  }
  return address;
}

/** Some proxies add the port: `192.0.2.1:1234`, `[2001:db8::1]:1234`. null when the text is no address. */
function addressIn(text: string): string | null {
  const trimmed = text.trim();
  const [, bracketed] = /^\[([^\]]*)\](?::\d+)?$/.exec(trimmed) ?? [];
  const [, withPort] = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(trimmed) ?? [];
  const address = bracketed ?? withPort ?? trimmed;
  return isIP(address) === 0 ? null : address;
}

/** For display: an IPv4 address on a dual-stack socket loses its `::ffff:` prefix. */
export function shownAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}
