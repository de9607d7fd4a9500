import { useCallback, useEffect, useReducer, useRef } from 'preact/hooks';
import type { ConsolePage } from '../../../../protocol/build/work.js';
import type { AtomId, BuildId } from '../../../../protocol/ids.js';
import { getJson } from '../../../api/api-calls.js';
import { ApiProblem } from '../../../api/api-problem.js';
import { PendingTimers } from '../../../api/pending-timers.js';
import { type LineRequest, LineStore } from './line-store.js';

export interface ConsoleSubject {
  readonly buildId: BuildId;
  readonly atomId: AtomId;
  /** Whether it may print more. */
  readonly isRunning: boolean;
}

export interface LoadedConsole {
  readonly store: LineStore;
  /** Must be called when other lines are visible; both are inclusive. */
  readonly want: (first: number, last: number) => void;
  readonly problem: ApiProblem | null;
}

const LAST_LINES = 200;
const FOLLOW_MS = 1_000;
const FOLLOW_WHILE_HIDDEN_MS = 10_000;
const RETRY_MS = 3_000;
/** While somebody scrolls fast, most lines are visible for a moment only. */
const FILL_AFTER_MS = 40;

/**
 * The lines of a console, of which the visible ones are loaded. While the atom runs, its last lines are loaded again and
 * again; when it has ended all are, since their numbers may be others then.
 */
export function useConsoleLines({ buildId, atomId, isRunning }: ConsoleSubject): LoadedConsole {
  const [, render] = useReducer((n: number, _: null) => n + 1, 0);
  const store = useRef(new LineStore());
  const problem = useRef<ApiProblem | null>(null);
  const filling = useRef<ReturnType<typeof setTimeout> | null>(null);
  const fill = useRef<() => void>(() => undefined);

  useEffect(() => {
    const end = new AbortController();
    const timers = new PendingTimers();
    const load = (request: LineRequest | null, signal: AbortSignal): Promise<ConsolePage> =>
      getJson('/v1/build/:buildId/atom/:atomId/console', {
        params: { buildId, atomId },
        query: request ?? { max_lines: LAST_LINES },
        signal,
      });
    /** null when it failed, which is shown. */
    const attempt = async (request: LineRequest | null, signal: AbortSignal): Promise<ConsolePage | null> => {
      try {
        const page = await load(request, signal);
        problem.current = null;
        return page;
      } catch (error) {
        if (signal.aborted) {
          return null;
        }
        if (!(error instanceof ApiProblem)) {
          throw error;
        }
        problem.current = error;
        render(null);
        return null;
      }
    };

    let begun: LineStore | null = null;
    const loadEnd = async () => {
      const page = await attempt(null, end.signal);
      if (end.signal.aborted) {
        return;
      }
      if (page !== null) {
        // Until this arrives, the lines of the running atom stay.
        if (begun === null) {
          begun = new LineStore();
          store.current = begun;
        }
        begun.accept(page, null);
        render(null);
        fill.current();
      }
      if (isRunning || page === null) {
        const pause = document.hidden ? FOLLOW_WHILE_HIDDEN_MS : FOLLOW_MS;
        timers.later(page === null ? RETRY_MS : pause, loadEnd);
      }
    };

    let current: { readonly request: LineRequest; readonly abort: AbortController } | null = null;
    fill.current = () => {
      if (current !== null && !(begun?.isWanted(current.request) ?? false)) {
        current.abort.abort();
        current = null;
      }
      const request = current === null ? (begun?.missing() ?? null) : null;
      if (request !== null) {
        const abort = new AbortController();
        current = { request, abort };
        loadMissing(request, AbortSignal.any([end.signal, abort.signal]));
      }
    };
    const loadMissing = async (request: LineRequest, signal: AbortSignal) => {
      const page = await attempt(request, signal);
      if (signal.aborted) {
        return;
      }
      current = null;
      if (page === null) {
        timers.later(RETRY_MS, fill.current);
        return;
      }
      begun?.accept(page, request);
      render(null);
      fill.current();
    };

    problem.current = null;
    loadEnd();
    return () => {
      end.abort();
      timers.drop();
    };
  }, [buildId, atomId, isRunning]);

  const want = useCallback((first: number, last: number) => {
    store.current.want(first, last);
    filling.current ??= setTimeout(() => {
      filling.current = null;
      fill.current();
    }, FILL_AFTER_MS);
  }, []);
  return { store: store.current, want, problem: problem.current };
}
