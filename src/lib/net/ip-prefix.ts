import { isIPv6 } from 'node:net';

/** Groups of 16 bits in an IPv6 prefix that one customer of a provider typically has. */
const GROUPS = 4;

/**
 * The key under which an address is counted: an IPv4 address itself, or the /64 of an IPv6 address, since one client can
 * have all 2^64 addresses of it. An IPv4-mapped address (`::ffff:192.0.2.1`) counts as IPv4.
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

/** Groups without leading zeros. */
function groupsOf(text: string): string[] {
  const groups = text === '' ? [] : text.split(':');
  // A last part in IPv4 notation stands for two groups.
  return groups.flatMap((group) =>
    group.includes('.') ? ['0', '0'] : [Number.parseInt(group, 16).toString(16)],
  );
}
