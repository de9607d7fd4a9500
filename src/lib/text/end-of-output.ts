import { LINE_END } from './line-ends.js';
import { utf8End } from './text-ends.js';

/**
 * The last lines of an output in UTF-8, at most so many with so many bytes together, without a line feed at the end. A first line
 * of which only a part fits is left out, unless there is no other. `isCut`: there was more before these bytes.
 */
export function endOfOutput(output: Buffer, isCut: boolean, maxLines: number, maxBytes: number): string {
  const ended = output.at(-1) === LINE_END ? output.subarray(0, -1) : output;
  const end = utf8End(ended, maxBytes);
  const lines = end.toString('utf8').split('\n');
  const isFirstCut = isCut || end.length < ended.length;
  return (isFirstCut && lines.length > 1 ? lines.slice(1) : lines).slice(-maxLines).join('\n');
}
