import { useEffect, useState } from 'preact/hooks';
import type { Event } from '../../protocol/event.js';
import { ApiProblem } from './api-problem.js';
import { onLiveEvent } from './live-updates.js';
import { masterVersion } from './master-version.js';

export interface Loaded<T> {
  /** null until it is loaded for the first time; kept while a newer one is loaded. */
  readonly data: T | null;
  /** Why the last attempt failed. */
  readonly problem: ApiProblem | null;
  /** Loads it again. */
  readonly reload: () => void;
}

export interface LiveOptions<T> {
  /** Whether an event changes it. It is never loaded again because of events without this. */
  readonly isChangedBy?: (event: Event) => boolean;
  /** Milliseconds after which it is also loaded again; null: never. */
  readonly everyMs?: (data: T) => number | null;
}

const SHORTEST_GAP_MS = 1_000;
const RETRY_MS = 5_000;
const GAP_WHILE_HIDDEN_MS = 10_000;

/**
 * Loads something, and again when events change it, at most once a second. `key` identifies the subject: with another one,
 * earlier data is dropped.
 */
export function useLoaded<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  { isChangedBy, everyMs }: LiveOptions<T> = {},
): Loaded<T> {
  const [state, setState] = useState<{ key: string; data: T | null; problem: ApiProblem | null }>({
    key,
    data: null,
    problem: null,
  });
  const [reload, setReload] = useState<() => void>(() => () => undefined);

  useEffect(() => {
    const end = new AbortController();
    let timer: ReturnType<typeof setTimeout> | null = null;
    let isLoading = false;
    let isStale = false;
    let loadedAt = Number.NEGATIVE_INFINITY;

    const gap = () => (document.hidden ? GAP_WHILE_HIDDEN_MS : SHORTEST_GAP_MS);
    const schedule = (ms: number) => {
      if (timer !== null) {
        clearTimeout(timer);
      }
      timer = setTimeout(run, ms);
    };
    const change = () => {
      if (isLoading) {
        isStale = true;
      } else {
        schedule(Math.max(0, loadedAt + gap() - performance.now()));
      }
    };
    const run = async () => {
      timer = null;
      isLoading = true;
      isStale = false;
      let next: number | null = null;
      loadedAt = performance.now();
      try {
        const data = await load(end.signal);
        if (!end.signal.aborted) {
          setState({ key, data, problem: null });
          next = everyMs?.(data) ?? null;
        }
      } catch (error) {
        if (!end.signal.aborted) {
          const problem = problemFrom(error);
          next = problem.isTemporary ? RETRY_MS : null;
          setState((before) => ({ key, data: before.key === key ? before.data : null, problem }));
        }
      }
      isLoading = false;
      if (end.signal.aborted) {
        return;
      }
      if (isStale) {
        change();
      } else if (next !== null) {
        schedule(Math.max(next, gap()));
      }
    };
    const stopListening = onLiveEvent((event) => {
      if (event === null ? loadedAt > 0 : isChangedBy?.(event) === true) {
        if (event?.tag === 'BUILD_ENDED' && masterVersion.peek()?.ends_with_build === true) {
          // There is no later.
          loadedAt = Number.NEGATIVE_INFINITY;
        }
        change();
      }
    });
    setReload(() => () => {
      loadedAt = Number.NEGATIVE_INFINITY;
      change();
    });
    run();
    return () => {
      stopListening();
      end.abort();
      if (timer !== null) {
        clearTimeout(timer);
      }
    };
  }, [key]);

  return state.key === key ? { ...state, reload } : { data: null, problem: null, reload };
}

function problemFrom(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) {
    return error;
  }
  throw error;
}
