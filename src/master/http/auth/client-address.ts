import { isIP } from 'node:net';
import type { Networks } from '../../../lib/net/networks.js';

/**
 * The address that limits count a request as: that of the connection, unless it comes from a trusted proxy. Each proxy
 * appends to X-Forwarded-For the address that it was connected from, so the list is read from its end, as far as trusted
 * proxies wrote it. What a client wrote there itself stands before that, and is never believed.
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

/** Some proxies write the port too: `192.0.2.1:1234`, `[2001:db8::1]:1234`. null for what is no address. */
function addressIn(text: string): string | null {
  const trimmed = text.trim();
  const [, bracketed] = /^\[([^\]]*)\](?::\d+)?$/.exec(trimmed) ?? [];
  const [, withPort] = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(trimmed) ?? [];
  const address = bracketed ?? withPort ?? trimmed;
  return isIP(address) === 0 ? null : address;
}

/** As people write it: one of IPv4 that came to a socket of both kinds without its prefix. */
export function shownAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}
