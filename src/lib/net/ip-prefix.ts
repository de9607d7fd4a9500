import { isIPv6 } from 'node:net';

/** Of an IPv6 address, as many groups of 16 bits as one customer of a provider has for himself. */
const GROUPS = 4;

/**
 * What to count an address as: itself, or the /64 that an IPv6 address is in, since whoever has one of these has 2^64
 * addresses. IPv4 over an IPv6 socket (`::ffff:192.0.2.1`) is IPv4.
 */
export function ipPrefix(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (mapped !== undefined) {
    return mapped;
  }
  const [bare = ''] = address.split('%');
  if (!isIPv6(bare)) {
    return address;
  }
  const [left = '', right] = bare.split('::');
  const before = groupsOf(left);
  const after = groupsOf(right ?? '');
  const zeros = right === undefined ? 0 : 8 - before.length - after.length;
  const all = [...before, ...Array.from({ length: zeros }, () => '0'), ...after];
  return `${all.slice(0, GROUPS).join(':')}::/64`;
}

/** In their shortest form. */
function groupsOf(text: string): string[] {
  const groups = text === '' ? [] : text.split(':');
  // A last part that is written as IPv4 stands for two groups.
  return groups.flatMap((group) =>
    group.includes('.') ? ['0', '0'] : [Number.parseInt(group, 16).toString(16)],
  );
}
