import { useEffect, useReducer, useRef } from 'preact/hooks';
import type { Build } from '../../../../protocol/build/build.js';
import type { AtomId } from '../../../../protocol/ids.js';
import { getJson } from '../../../api/api-calls.js';
import { ApiProblem } from '../../../api/api-problem.js';
import { atomLabel } from '../../../parts/text/atom-label.js';

/** Names that are kept for a build; the oldest ones are dropped first. */
const MOST_NAMES = 1000;
/** The pointer is over many bars for a moment only. */
const PAUSE_MS = 80;

export function isAtomId(id: number): id is AtomId {
  return Number.isSafeInteger(id);
}

/** Names of atoms by their ids, since a timeline has none. Those of the `wanted` ones are loaded; until then they are numbers. */
export function useAtomNames(build: Build, wanted: readonly number[]): (id: number) => string {
  const names = useRef(new Map<number, string>());
  const [, render] = useReducer((n: number, _: null) => n + 1, 0);
  const { id: buildId, atom_variables: variables } = build;
  useEffect(() => {
    const missing = wanted.filter(isAtomId).filter((id) => !names.current.has(id));
    const end = new AbortController();
    const load = async (atomId: AtomId) => {
      const { signal } = end;
      const { atom } = await getJson('/v1/build/:buildId/atom/:atomId', {
        params: { buildId, atomId },
        signal,
      });
      names.current.set(atomId, atomLabel(atom.command_string, variables));
      for (const old of [...names.current.keys()].slice(0, -MOST_NAMES)) {
        names.current.delete(old);
      }
      render(null);
    };
    const timer = setTimeout(() => {
      for (const id of missing) {
        load(id).catch((error: unknown) => {
          // The number stays in the place of the name.
          if (!end.signal.aborted && !(error instanceof ApiProblem)) {
            throw error;
          }
        });
      }
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      end.abort();
    };
  }, [buildId, wanted.join()]);
  return (id) => names.current.get(id) ?? `atom ${id}`;
}
