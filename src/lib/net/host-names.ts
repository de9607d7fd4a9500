import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';

/*
 * Names of this machine that a request over loopback may have as its host. A web page can give its own name the address
 * 127.0.0.1 (DNS rebinding), and the browser would take this program for that page's origin.
 */

const AUTHORITY = /^(\[(?<address>[^\]]*)\]|(?<name>[^:[\]]*))(:\d{1,5})?$/;
const MAX_BYTES = 1024 * 1024;

export function isLoopback(address: string): boolean {
  return /^(::ffff:)?127\.|^::1$/.test(address);
}

/** The name or address of a Host header without the port, in lower case. */
export function nameOfHost(host: string): string {
  const { address, name } = AUTHORITY.exec(host)?.groups ?? {};
  return (address ?? name ?? '').toLowerCase().replace(/\.$/, '');
}

/** The names that a hosts file (hosts(5)) gives to loopback addresses. */
export function loopbackNames(hostsFile: string): Set<string> {
  return new Set(
    hostsFile.split('\n').flatMap((line) => {
      const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
      return isLoopback(address) ? names.map((name) => name.toLowerCase()) : [];
    }),
  );
}

/**
 * The names of this machine: addresses, localhost, the given ones, and those that the hosts file gives to loopback. Only an
 * administrator writes that file, and resolvers read it before DNS, so no page can take such a name. DNS is never used.
 */
export class HostNames {
  readonly #known: ReadonlySet<string>;
  readonly #hostsFile: string;
  #read: { readonly state: string; readonly names: ReadonlySet<string> } | null = null;

  constructor(names: readonly string[], hostsFile = '/etc/hosts') {
    this.#known = new Set(['localhost', ...names].map((name) => name.toLowerCase()));
    this.#hostsFile = hostsFile;
  }

  /** @param host the value of the header */
  has(host: string): boolean {
    const name = nameOfHost(host);
    const isOurs = name === '' || isIP(name) !== 0 || name.endsWith('.localhost') || this.#known.has(name);
    return isOurs || this.#namesOfFile().has(name);
  }

  /** The file is read again when it has changed. */
  #namesOfFile(): ReadonlySet<string> {
    const state = stateOf(this.#hostsFile);
    if (state === null) {
      return new Set();
    }
    if (this.#read?.state !== state) {
      this.#read = { state, names: loopbackNames(readFileSync(this.#hostsFile, 'utf8')) };
    }
    return this.#read.names;
  }
}

/** null when the file is missing, not a regular file, or too large. */
function stateOf(file: string): string | null {
  const stats = statSync(file, { throwIfNoEntry: false });
  const isReadable = stats?.isFile() === true && stats.size <= MAX_BYTES;
  return isReadable ? [stats.ino, stats.size, stats.mtimeMs].join(' ') : null;
}
