import { BlockList, isIP } from 'node:net';

/** Addresses and networks (`192.0.2.0/24`, `2001:db8::/32`), and whether an address is among them. */
export class Networks {
  static readonly none = new Networks([]);

  /** As configured. */
  readonly texts: readonly string[];
  readonly #list = new BlockList();

  private constructor(texts: readonly string[]) {
    this.texts = texts;
  }

  /** undefined when one of the texts is neither an address nor a network. */
  static read(texts: readonly string[]): Networks | undefined {
    const networks = new Networks(texts);
    return texts.every((text) => networks.#add(text)) ? networks : undefined;
  }

  /** An IPv4-mapped address (`::ffff:192.0.2.1`) counts as IPv4. False for text that is no address. */
  has(address: string): boolean {
    if (this.texts.length === 0) {
      return false;
    }
    const bare = plainAddress(address);
    const version = isIP(bare);
    return version !== 0 && this.#list.check(bare, version === 4 ? 'ipv4' : 'ipv6');
  }

  #add(text: string): boolean {
    const [address = '', prefix, ...more] = text.split('/');
    const version = isIP(address);
    const bits = version === 4 ? 32 : 128;
    if (version === 0 || more.length > 0 || (prefix !== undefined && !/^\d{1,3}$/.test(prefix))) {
      return false;
    }
    const length = prefix === undefined ? bits : Number(prefix);
    if (length > bits) {
      return false;
    }
    this.#list.addSubnet(address, length, version === 4 ? 'ipv4' : 'ipv6');
    return true;
  }
}

/** Without a zone, and as IPv4 where it is IPv4-mapped. */
function plainAddress(address: string): string {
  const [bare = ''] = address.split('%');
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare) ?? [];
  return mapped ?? bare;
}
