import { useCallback, useEffect, useMemo, useReducer, useRef } from 'preact/hooks';
import type { Event } from '../../protocol/event.js';
import { PageCache } from '../parts/page/page-cache.js';
import { ApiProblem } from './api-problem.js';
import { onLiveEvent } from './live-updates.js';
import { PendingTimers } from './pending-timers.js';

export interface PagedRows<Row> {
  /** null until the first page has arrived. */
  readonly total: number | null;
  /** null while it is not loaded. */
  readonly row: (index: number) => Row | null;
  /** Must be called when other rows are visible; both are inclusive. */
  readonly want: (first: number, last: number) => void;
  readonly problem: ApiProblem | null;
}

/** The rows of a page and the number of all rows, as the API's lists have them. */
export interface RowsPage<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
}

type LoadPage<Row> = (
  page: { readonly offset: number; readonly limit: number },
  signal: AbortSignal,
) => Promise<RowsPage<Row>>;

const ROWS_OF_PAGE = 200;
const SHORTEST_GAP_MS = 2_000;
const FILL_AFTER_MS = 40;
const RETRY_MS = 3_000;

/**
 * A long list, of which the visible rows are loaded, and again when events change them. `key` identifies the list with its
 * filters and order. The rows are also loaded each `everyMs`, for facts that change without an event.
 */
export function usePagedRows<Row>(
  key: string,
  load: LoadPage<Row>,
  isChangedBy: (event: Event) => boolean,
  pageRows: number = ROWS_OF_PAGE,
  everyMs: number | null = null,
): PagedRows<Row> {
  const [, render] = useReducer((n: number, _: null) => n + 1, 0);
  const cache = useMemo(() => new PageCache<Row>(pageRows), [key]);
  const problem = useRef<ApiProblem | null>(null);
  const filling = useRef<ReturnType<typeof setTimeout> | null>(null);
  const fill = useRef<() => void>(() => undefined);

  useEffect(() => {
    const end = new AbortController();
    const timers = new PendingTimers();
    const loads = new Map<number, AbortController>();
    const loadPage = async (page: number) => {
      const abort = new AbortController();
      loads.set(page, abort);
      const signal = AbortSignal.any([end.signal, abort.signal]);
      try {
        const { rows, total } = await load({ offset: page * pageRows, limit: pageRows }, signal);
        cache.accept(page, rows, total);
        problem.current = null;
      } catch (error) {
        if (signal.aborted) {
          return;
        }
        cache.fail(page);
        if (!(error instanceof ApiProblem)) {
          throw error;
        }
        problem.current = error;
        if (error.isTemporary) {
          timers.later(RETRY_MS, fill.current);
        }
      }
      if (!signal.aborted) {
        loads.delete(page);
        render(null);
      }
    };
    fill.current = () => {
      for (const page of cache.unwanted()) {
        loads.get(page)?.abort();
        cache.fail(page);
      }
      for (const page of cache.takeMissing()) {
        loadPage(page);
      }
    };
    let isDue = false;
    const renew = () => {
      cache.invalidate();
      fill.current();
    };
    const stopListening = onLiveEvent((event) => {
      const isConcerned = event === null ? cache.total !== null : isChangedBy(event);
      if (isConcerned && !isDue) {
        isDue = true;
        timers.later(SHORTEST_GAP_MS, () => {
          isDue = false;
          renew();
        });
      }
    });
    const renewAgain = (ms: number) =>
      timers.later(ms, () => {
        if (!document.hidden) {
          renew();
        }
        renewAgain(ms);
      });
    if (everyMs !== null) {
      renewAgain(everyMs);
    }
    problem.current = null;
    fill.current();
    return () => {
      stopListening();
      end.abort();
      timers.drop();
    };
  }, [cache]);

  const want = useCallback(
    (first: number, last: number) => {
      cache.want(first, last);
      // While somebody scrolls fast, most rows are visible for a moment only.
      filling.current ??= setTimeout(() => {
        filling.current = null;
        fill.current();
      }, FILL_AFTER_MS);
    },
    [cache],
  );
  return {
    total: cache.total,
    row: (index) => cache.row(index),
    want,
    problem: problem.current,
  };
}
