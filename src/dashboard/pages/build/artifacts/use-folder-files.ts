import { useRef } from 'preact/hooks';
import type { BuildId } from '../../../../protocol/ids.js';
import type { ArtifactEntry } from '../../../../protocol/results/artifact.js';
import { getJson } from '../../../api/api-calls.js';
import { type Loaded, useLoaded } from '../../../api/use-loaded.js';

/** The most that the API gives at once. */
const PAGE = 1000;
/** More would not fit into the memory of a phone. */
const MAX_FILES = 200_000;

export interface FolderFiles {
  readonly files: readonly ArtifactEntry[];
  /** More than the files when there are too many of them. */
  readonly total: number;
}

/** The files of a folder, which is asked for again until its results have arrived. */
export function useFolderFiles(buildId: BuildId, folder: string): Loaded<FolderFiles> {
  const hasArrived = useRef(false);
  return useLoaded(
    `files of ${buildId} ${folder}`,
    async (signal) => {
      const loaded = await loadFiles(buildId, folder, signal);
      hasArrived.current = true;
      return loaded;
    },
    { isChangedBy: ({ data }) => data.build_id === buildId && !hasArrived.current },
  );
}

async function loadFiles(buildId: BuildId, folder: string, signal: AbortSignal): Promise<FolderFiles> {
  const files: ArtifactEntry[] = [];
  for (;;) {
    const page = await getJson('/v1/build/:buildId/artifact/:folder', {
      params: { buildId, folder },
      query: { offset: files.length, limit: PAGE },
      signal,
    });
    files.push(...page.files);
    if (page.files.length === 0 || files.length >= Math.min(page.total, MAX_FILES)) {
      return { files, total: page.total };
    }
  }
}
