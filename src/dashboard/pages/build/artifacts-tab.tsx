import { linkTo } from '../../api/api-calls.js';
import { Empty } from '../../parts/page/notices.js';
import { address } from '../../router/location.js';
import { placeIn } from './artifacts/artifact-place.js';
import { AtomFolders } from './artifacts/atom-folders.js';
import { FolderView } from './artifacts/folder-view.js';
import type { TabProps } from './build-tab.js';

/** The files of a build's results: the folders of its atoms, or one of these. */
export function ArtifactsTab({ build }: TabProps) {
  const { folder, file } = placeIn(address.value.searchParams);
  const params = { buildId: build.id };
  if (folder !== null) {
    return <FolderView key={folder} buildId={build.id} folder={folder} file={file} />;
  }
  if (build.artifacts !== null && (build.num_atoms ?? 0) === 0) {
    return <Empty title="This build has no atoms, and so no files." />;
  }
  return (
    <>
      <p>
        {build.artifacts === null ? (
          'The build runs. The files of an atom arrive when its subjob has ended.'
        ) : (
          <>
            All results:{' '}
            <a href={linkTo('/v1/build/:buildId/artifacts.tar.gz', { params })} download>
              tar.gz
            </a>
            ,{' '}
            <a href={linkTo('/v1/build/:buildId/artifacts.zip', { params })} download>
              zip
            </a>
          </>
        )}
      </p>
      <AtomFolders build={build} />
    </>
  );
}
