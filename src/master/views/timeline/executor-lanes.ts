/** Work on one lease, in milliseconds. */
export interface LeaseSpan {
  readonly lease: number;
  readonly slave: number;
  readonly start: number;
  /** Infinity for work that goes on. */
  readonly end: number;
}

/**
 * Lanes for leases whose executors are not known, by lease. They count from 0 within a slave. No two leases of a lane
 * overlap, and there are as few lanes as possible (a greedy partition by start).
 */
export function lanesOf(spans: readonly LeaseSpan[]): Map<number, number> {
  const lanes = new Map<number, number>();
  /** By slave: when each of its lanes is free again. */
  const free = new Map<number, number[]>();
  for (const { lease, slave, start, end } of [...spans].sort(
    (a, b) => a.start - b.start || a.lease - b.lease,
  )) {
    const ofSlave = free.get(slave) ?? [];
    free.set(slave, ofSlave);
    const first = ofSlave.findIndex((at) => at <= start);
    const lane = first === -1 ? ofSlave.length : first;
    ofSlave[lane] = end;
    lanes.set(lease, lane);
  }
  return lanes;
}
