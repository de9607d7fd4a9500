import { stitchTar } from '../../artifacts/stitch.js';
import type { Handlers } from '../handler.js';
import type { HandlerDependencies } from './dependencies.js';

export function artifactHandlers({ service }: HandlerDependencies): Pick<Handlers, 'getArtifactsTar'> {
  return {
    getArtifactsTar: async ({ params }) => {
      const contents = await service.archiveContents(params.buildId);
      if (contents === null) {
        return {
          ready: false,
          error: `Build ${params.buildId} still runs; its results can be fetched when its status is SUCCESS or FAILURE.`,
        };
      }
      const { stream, bytes } = await stitchTar(contents);
      return {
        ready: true,
        content: stream,
        bytes,
        fileName: `build-${params.buildId}-artifacts.tar.gz`,
      };
    },
  };
}
