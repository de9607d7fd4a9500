import { Header, Pax } from 'tar';

export interface TarEntry {
  /** With slashes; a folder's ends with one. */
  readonly path: string;
  readonly type: 'File' | 'Directory' | 'SymbolicLink';
  /** Bytes; 0 unless it is a file. */
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  readonly mtime: Date;
  /** The target of a link. */
  readonly linkpath?: string;
}

const BLOCK = 512;

/**
 * The header of an entry (POSIX ustar, after a pax header for what ustar cannot hold: long names, names that are not ASCII,
 * sizes of 8 GiB and more). Owners are left out.
 */
export function tarHeader(entry: TarEntry): Buffer {
  const header = new Header({
    ...entry,
    uid: 0,
    gid: 0,
    uname: '',
    gname: '',
    linkpath: entry.linkpath ?? '',
  });
  const block = Buffer.alloc(BLOCK);
  if (!header.encode(block)) {
    return block;
  }
  const { path, size, mtime, linkpath } = entry;
  const pax = new Pax({ path, size, mtime, ...(linkpath === undefined ? {} : { linkpath }) });
  return Buffer.concat([pax.encode(), block]);
}

const zeros = Buffer.alloc(BLOCK);

/** Zeros that fill an entry's last block; a shared buffer that must not be modified. */
export function tarPadding(size: number): Buffer {
  return zeros.subarray(0, (BLOCK - (size % BLOCK)) % BLOCK);
}

/** A whole small file: header, bytes and padding. */
export function fileEntry(path: string, bytes: Buffer, mode: number, mtime: Date): Buffer[] {
  return [
    tarHeader({ path, type: 'File', size: bytes.length, mode, mtime }),
    bytes,
    tarPadding(bytes.length),
  ];
}
