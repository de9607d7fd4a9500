import type { Atom } from '../../../../protocol/build/work.js';
import type { BuildId } from '../../../../protocol/ids.js';

/** The subject of the artifacts page of a build: all folders, that of one atom, or a file in it. */
export interface ArtifactPlace {
  readonly folder: string | null;
  readonly file: string | null;
}

/** The file in the folder of an atom that has its output. */
export const OUTPUT_FILE = 'clusterrunner_console_output';

const FOLDER = /^artifact_\d{1,9}_\d{1,9}$/;

export function placeIn(query: URLSearchParams): ArtifactPlace {
  const folder = query.get('folder');
  return folder !== null && FOLDER.test(folder)
    ? { folder, file: query.get('file') || null }
    : { folder: null, file: null };
}

/** The path of the page that shows a place. */
export function pathToPlace(buildId: BuildId, { folder, file }: ArtifactPlace): string {
  const query = new URLSearchParams({
    ...(folder === null ? {} : { folder }),
    ...(file === null ? {} : { file }),
  });
  const path = `/ui/build/${buildId}/artifacts`;
  return query.size === 0 ? path : `${path}?${query}`;
}

/** The folder of an atom's results; its files arrive when its subjob has ended. */
export function folderOfAtom({ id, subjob_id: subjob }: Pick<Atom, 'id' | 'subjob_id'>): string {
  return `artifact_${subjob}_${id}`;
}
