import { agoText } from '../../../lib/text/duration-text.js';
import { now } from './ticking-now.js';

/** A time in seconds since the epoch, as how long ago it is; the exact one is its title. */
export function Timestamp({ at }: { readonly at: number | null }) {
  if (at === null) {
    return <span class="quiet">–</span>;
  }
  const exact = new Date(at * 1000);
  return (
    <time dateTime={exact.toISOString()} title={exact.toLocaleString()}>
      {agoText(at, now.value)}
    </time>
  );
}
