import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { getJson } from '../../../api/api-calls.js';
import { ApiProblem } from '../../../api/api-problem.js';
import {
  goesOn,
  notSearched,
  type SearchProgress,
  searchedFurther,
  withMoreLines,
  withMoreMatches,
} from './search-progress.js';
import type { ConsoleSubject } from './use-console-lines.js';

/** A text to look for. */
export interface SearchText {
  readonly text: string;
  readonly isRegex: boolean;
  /** Whether upper and lower case differ. */
  readonly isExact: boolean;
}

export interface RunningSearch {
  readonly progress: SearchProgress;
  readonly problem: ApiProblem | null;
  /** Looks for more matches than so far. */
  readonly more: () => void;
}

const LIMIT = 1000;
const RETRY_MS = 3_000;

/** Searches the whole console at the master, one request after another; `wanted` is null for no search. */
export function useConsoleSearch(
  { buildId, atomId, isRunning }: ConsoleSubject,
  wanted: SearchText | null,
  totalLines: number,
): RunningSearch {
  const [progress, setProgress] = useState<SearchProgress>(notSearched);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const latest = useRef(notSearched);
  const goOn = useRef<() => void>(() => undefined);
  const change = (next: SearchProgress) => {
    latest.current = next;
    setProgress(next);
  };

  useEffect(() => {
    change(notSearched);
    setProblem(null);
    if (wanted === null) {
      goOn.current = () => undefined;
      return;
    }
    const end = new AbortController();
    let isSearching = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const search = async () => {
      isSearching = true;
      while (!end.signal.aborted && goesOn(latest.current)) {
        try {
          const part = await getJson('/v1/build/:buildId/atom/:atomId/console/search', {
            params: { buildId, atomId },
            query: {
              q: wanted.text,
              from_line: latest.current.fromLine,
              limit: LIMIT,
              ...(wanted.isRegex ? { regex: 'true' as const } : {}),
              ...(wanted.isExact ? { case: 'true' as const } : {}),
            },
            signal: end.signal,
          });
          setProblem(null);
          change(searchedFurther(latest.current, part));
        } catch (error) {
          if (end.signal.aborted) {
            return;
          }
          if (!(error instanceof ApiProblem)) {
            throw error;
          }
          setProblem(error);
          if (error.status !== 400) {
            timer = setTimeout(search, RETRY_MS);
          }
          break;
        }
      }
      isSearching = false;
    };
    goOn.current = () => {
      if (!isSearching && !end.signal.aborted) {
        search();
      }
    };
    search();
    return () => {
      end.abort();
      clearTimeout(timer);
    };
  }, [buildId, atomId, isRunning, wanted?.text, wanted?.isRegex, wanted?.isExact]);

  useEffect(() => {
    const next = withMoreLines(latest.current, totalLines);
    if (next !== latest.current) {
      change(next);
      goOn.current();
    }
  }, [totalLines]);

  const more = useCallback(() => {
    if (!latest.current.isDone) {
      change(withMoreMatches(latest.current));
      goOn.current();
    }
  }, []);
  return { progress, problem, more };
}
