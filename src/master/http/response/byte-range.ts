import { ClusterRunnerError } from '../../../protocol/errors.js';

export interface ByteRange {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

const SINGLE = /^bytes=(\d{0,15})-(\d{0,15})$/;

/**
 * The part that Range and If-Range request (RFC 9110, 14.2). null for the whole, also for several ranges, for another
 * unit, and when `ifRange` differs from `tag`.
 * @throws ClusterRunnerError RANGE_NOT_SATISFIABLE
 */
export function byteRange(
  range: string | undefined,
  ifRange: string | undefined,
  { bytes, tag }: { readonly bytes: number; readonly tag: string },
): ByteRange | null {
  const [, first = '', last = ''] = SINGLE.exec(range ?? '') ?? [];
  if ((first === '' && last === '') || (ifRange !== undefined && ifRange !== `"${tag}"`)) {
    return null;
  }
  const start = first === '' ? Math.max(0, bytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? bytes : Math.min(bytes, Number(last) + 1);
  if (start >= bytes || (last !== '' && first !== '' && Number(last) < start)) {
    throw new ClusterRunnerError(
      'RANGE_NOT_SATISFIABLE',
      `There are ${bytes} bytes, so the range ${range} is not among them; ask for the whole.`,
    );
  }
  return { start, end };
}
