import type { BuildId } from '../../../protocol/ids.js';
import { stitchTar } from '../../artifacts/stitch.js';
import { zipStream } from '../../artifacts/zip.js';
import type { ArchiveContents } from '../../contract.js';
import type { Handlers, NotYet } from '../handler.js';
import type { HandlerDependencies } from './dependencies.js';

type ArtifactRoutes = 'getResult' | 'getArtifactsTar' | 'getArtifactsZip';

export function artifactHandlers({ service }: HandlerDependencies): Pick<Handlers, ArtifactRoutes> {
  const whenEnded = async <T>(build: BuildId, answer: (contents: ArchiveContents) => T | Promise<T>) => {
    const contents = await service.archiveContents(build);
    return contents === null ? stillRuns(build) : answer(contents);
  };
  return {
    getResult: ({ params: { buildId } }) =>
      whenEnded(buildId, () => ({ ready: true, location: `/v1/build/${buildId}/artifacts.tar.gz` })),
    getArtifactsTar: ({ params: { buildId } }) =>
      whenEnded(buildId, async (contents) => {
        const { stream, bytes } = await stitchTar(contents);
        return { ready: true, content: stream, bytes, fileName: `build-${buildId}-artifacts.tar.gz` };
      }),
    getArtifactsZip: ({ params: { buildId } }) =>
      whenEnded(buildId, (contents) => ({
        ready: true,
        content: zipStream(contents),
        bytes: null,
        fileName: `build-${buildId}-artifacts.zip`,
      })),
  };
}

function stillRuns(build: BuildId): NotYet {
  return {
    ready: false,
    error: `Build ${build} still runs; its results can be fetched when its status is SUCCESS or FAILURE.`,
  };
}
