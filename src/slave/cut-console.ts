import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';

export interface CutOptions {
  /** What is kept at most. */
  readonly maxBytes: number;
  /** A longer console is cut; `maxBytes` unless given. */
  readonly cutAbove?: number;
  /** Where no line ends, so much beside the cut is masked: it may be part of what must not be shown. */
  readonly hiddenBytes: number;
  /** Bytes that earlier cuts took out. */
  readonly before: number;
}

/** Most of what is kept of the end; it is held in memory. */
const MAX_END_BYTES = 256 * 1024;
/** A cut is made at the end of a line, if there is one so near. */
const LINE_BYTES = 16 * 1024;
/** At what is added while a console is cut. */
const LOOKS = 5;
const LINE_END = 0x0a;
const STAR = 0x2a;

/**
 * Takes the middle out of a console that is too long, also while a program adds to it: its first half stays, and the
 * end, with a line between them that says how much is gone. Answers how many bytes are gone in all. What is printed in
 * the very moment may be lost.
 */
export function cutConsole(path: string, options: CutOptions): number {
  const { maxBytes, cutAbove = maxBytes, hiddenBytes, before } = options;
  const fd = openConsole(path);
  if (fd === null) {
    return before;
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.size <= cutAbove) {
      return before;
    }
    const half = Math.floor(maxBytes / 2);
    const headStart = Math.max(0, half - LINE_BYTES);
    const earlierNote = before === 0 ? Buffer.alloc(0) : noteOf(before);
    const head = headOf(readSpan(fd, headStart, half + earlierNote.length), earlierNote, hiddenBytes);
    const endBytes = Math.min(MAX_END_BYTES, Math.floor(maxBytes / 4));
    const end = endOf(readSpan(fd, stats.size - endBytes, stats.size), hiddenBytes);
    const added = addedSince(fd, stats.size);
    const cut = stats.size - headStart - head.length - end.length - earlierNote.length;
    const gone = before + cut + added.passedOver + (added.passedOver === 0 ? 0 : end.length);
    const middle = Buffer.concat([
      head,
      noteOf(gone),
      added.passedOver === 0 ? end : Buffer.alloc(0),
      added.bytes,
    ]);
    // What is added from here to the next line is lost.
    ftruncateSync(fd, headStart);
    // Opened to append, like the program's own: what both write stands one behind the other.
    writeSync(fd, middle);
    return gone;
  } finally {
    closeSync(fd);
  }
}

/** What has come since the file had `size` bytes, read again and again so that hardly anything has come since then. */
function addedSince(fd: number, size: number): { bytes: Buffer; passedOver: number } {
  let bytes = Buffer.alloc(0);
  let passedOver = 0;
  let at = size;
  for (let look = 0; look < LOOKS; look += 1) {
    const now = fstatSync(fd).size;
    if (now <= at) {
      break;
    }
    const from = Math.max(at, now - MAX_END_BYTES);
    passedOver += from === at ? 0 : from - at + bytes.length;
    bytes = Buffer.concat([from === at ? bytes : Buffer.alloc(0), readSpan(fd, from, now)]);
    at = now;
  }
  return { bytes, passedOver };
}

function noteOf(gone: number): Buffer {
  const sentence = `${gone} bytes are left out here, the console was too long (console_max_mib_per_atom)`;
  return Buffer.from(`\n… clusterrunner: ${sentence} …\n`);
}

/** What stays before the cut: the same as after an earlier one, or up to the end of a line. */
function headOf(text: Buffer, earlierNote: Buffer, hiddenBytes: number): Buffer {
  const earlier = earlierNote.length === 0 ? -1 : text.indexOf(earlierNote);
  if (earlier !== -1) {
    return text.subarray(0, earlier);
  }
  const lineEnd = text.lastIndexOf(LINE_END);
  return lineEnd === -1
    ? text.fill(STAR, Math.max(0, text.length - hiddenBytes))
    : text.subarray(0, lineEnd + 1);
}

/** What stays behind it. */
function endOf(text: Buffer, hiddenBytes: number): Buffer {
  const lineEnd = text.subarray(0, LINE_BYTES).indexOf(LINE_END);
  return lineEnd === -1 ? text.fill(STAR, 0, Math.min(hiddenBytes, text.length)) : text.subarray(lineEnd + 1);
}

function readSpan(fd: number, from: number, to: number): Buffer {
  const bytes = Buffer.alloc(to - from);
  return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, from));
}

/** null when there is none, or it is no file of the atom's folder any more. */
function openConsole(path: string): number | null {
  try {
    return openSync(
      path,
      constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
  } catch (error) {
    if (
      error instanceof Error &&
      'code' in error &&
      ['ENOENT', 'ENOTDIR', 'EACCES', 'EISDIR', 'ELOOP', 'ENXIO', 'EPERM'].includes(String(error.code))
    ) {
      return null;
    }
    throw error;
  }
}
