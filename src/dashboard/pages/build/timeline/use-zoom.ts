import { type StateUpdater, useEffect, useState } from 'preact/hooks';
import { address, setQuery } from '../../../router/location.js';
import { queryOfZoom, type TimeView, zoomInQuery } from './drawing/time-view.js';

/** Browsers refuse to change the address often. */
const PAUSE_MS = 300;

/** The part of the time that is visible, null for everything. The address has it, so that a link shows the same part. */
export function useZoom(
  end: number,
): readonly [zoom: TimeView | null, set: (next: StateUpdater<TimeView | null>) => void] {
  const [zoom, setZoom] = useState(() => zoomInQuery(address.peek().searchParams, end));
  useEffect(() => {
    const timer = setTimeout(() => {
      const [query, shown] = [queryOfZoom(zoom), address.peek().searchParams];
      if (query.from !== shown.get('from') || query.to !== shown.get('to')) {
        setQuery(query);
      }
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [zoom]);
  return [zoom, setZoom];
}
