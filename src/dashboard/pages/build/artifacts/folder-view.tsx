import { useMemo } from 'preact/hooks';
import type { BuildId } from '../../../../protocol/ids.js';
import { linkTo } from '../../../api/api-calls.js';
import { Empty, Loading, ProblemNotice } from '../../../parts/page/notices.js';
import { bytesText } from '../../../parts/text/bytes-text.js';
import { navigate } from '../../../router/location.js';
import { pathTo } from '../../../router/page-paths.js';
import { pathToPlace } from './artifact-place.js';
import { treeOf } from './file-tree.js';
import { FileTreeView } from './file-tree-view.js';
import { FileViewer } from './file-viewer.js';
import { useFolderFiles } from './use-folder-files.js';

interface FolderViewProps {
  readonly buildId: BuildId;
  readonly folder: string;
  /** The path of the file that is shown. */
  readonly file: string | null;
}

/** The files of one atom, and one of them. */
export function FolderView({ buildId, folder, file }: FolderViewProps) {
  const { data, problem } = useFolderFiles(buildId, folder);
  const root = useMemo(() => (data === null ? null : treeOf(data.files)), [data]);
  const shown = data?.files.find(({ path, link }) => path === file && link === null) ?? null;
  const atomId = folder.split('_').at(-1);
  return (
    <>
      <p>
        <a href={pathToPlace(buildId, { folder: null, file: null })}>All folders</a> ›{' '}
        <strong>{folder}</strong>
        {' · '}
        <a href={`${pathTo({ page: 'build', buildId, tab: 'overview' })}/atom/${atomId}`}>
          Console of atom {atomId}
        </a>
        {root !== null && root.numFiles > 0 && (
          <>
            {' · '}
            <a
              href={linkTo('/v1/build/:buildId/artifacts.zip', { params: { buildId }, query: { folder } })}
              download
            >
              Zip of {root.numFiles === 1 ? 'one file' : `${root.numFiles} files`}, {bytesText(root.bytes)}
            </a>
          </>
        )}
      </p>
      {problem?.code === 'CONFLICT' ? (
        <Empty title="These files have not arrived yet.">
          <p>
            A slave delivers the files of an atom when all atoms of its subjob have ended. They appear here
            then.
          </p>
        </Empty>
      ) : (
        <ProblemNotice problem={problem} />
      )}
      {data === null && problem === null && <Loading />}
      {data !== null && data.total > data.files.length && (
        <p class="quiet">
          The first {data.files.length} of {data.total} files are listed; the zip has all of them.
        </p>
      )}
      {root !== null && root.numFiles === 0 && <Empty title="This atom has left no files." />}
      {root !== null && root.numFiles > 0 && (
        <div class="files">
          <FileTreeView
            buildId={buildId}
            folder={folder}
            root={root}
            selected={file}
            select={(path) => navigate(pathToPlace(buildId, { folder, file: path }))}
          />
          {shown === null ? (
            <p class="quiet">{file === null ? 'Choose a file to see it here.' : 'There is no such file.'}</p>
          ) : (
            <FileViewer buildId={buildId} folder={folder} path={shown.path} bytes={shown.bytes} />
          )}
        </div>
      )}
    </>
  );
}
