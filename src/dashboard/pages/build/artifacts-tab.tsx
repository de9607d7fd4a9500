import { linkTo } from '../../api/api-calls.js';
import { Empty } from '../../parts/notices.js';
import type { TabProps } from './build-tab.js';

/** The files of a build's results. */
export function ArtifactsTab({ build }: TabProps) {
  const params = { buildId: build.id };
  if (build.artifacts === null) {
    return <Empty title="The results are here when the build has ended." />;
  }
  return (
    <p>
      All results: <a href={linkTo('/v1/build/:buildId/artifacts.tar.gz', { params })}>tar.gz</a>,{' '}
      <a href={linkTo('/v1/build/:buildId/artifacts.zip', { params })}>zip</a>
    </p>
  );
}
