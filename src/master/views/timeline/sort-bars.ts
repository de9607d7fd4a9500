/** A job lists a million atoms at most. */
const MAX_BARS = 2 ** 20;
/** More than a month of milliseconds: with a place among the bars beside it, still an exact number. */
const MAX_START = 2 ** 32;

/**
 * The order of bars by executor and then by start: their places, sorted. `executors` are from 0 to `num` (exclusive); bars of
 * the executor -1 are left out. The cost is that of sorting numbers without a comparing function.
 * @throws RangeError for more than 2^20 bars
 */
export function orderOfBars(executors: Float64Array, starts: Float64Array, num: number): Uint32Array {
  const count = executors.length;
  if (count > MAX_BARS) {
    throw new RangeError(`${count} bars are too many to sort; there may be ${MAX_BARS}.`);
  }
  const begins = beginsOf(executors, num);
  const next = begins.slice();
  const keys = new Float64Array(begins[num] ?? 0);
  for (let at = 0; at < count; at += 1) {
    const executor = executors[at] ?? -1;
    if (executor >= 0) {
      const place = next[executor] ?? 0;
      next[executor] = place + 1;
      keys[place] = Math.min(starts[at] ?? 0, MAX_START) * MAX_BARS + at;
    }
  }
  for (let executor = 0; executor < num; executor += 1) {
    keys.subarray(begins[executor], begins[executor + 1]).sort();
  }
  const order = new Uint32Array(keys.length);
  for (let place = 0; place < keys.length; place += 1) {
    order[place] = (keys[place] ?? 0) % MAX_BARS;
  }
  return order;
}

/** Where the bars of each executor begin when all are in the order of executors, and where the last ones end. */
function beginsOf(executors: Float64Array, num: number): Uint32Array {
  const begins = new Uint32Array(num + 1);
  for (const executor of executors) {
    if (executor >= 0) {
      begins[executor + 1] = (begins[executor + 1] ?? 0) + 1;
    }
  }
  for (let executor = 0; executor < num; executor += 1) {
    begins[executor + 1] = (begins[executor + 1] ?? 0) + (begins[executor] ?? 0);
  }
  return begins;
}
