import { basename } from 'node:path';
import { ATOM_FOLDER } from '../../../protocol/artifact.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';
import type { BuildId } from '../../../protocol/ids.js';
import { listFolder, openFile } from '../../artifacts/entries.js';
import { stitchTar } from '../../artifacts/stitch.js';
import { zipStream } from '../../artifacts/zip.js';
import type { ArchiveContents } from '../../contract.js';
import { byteRange } from '../byte-range.js';
import type { Handlers, NotYet } from '../handler.js';
import { type HandlerDependencies, pageOf } from './dependencies.js';

type ArtifactRoutes = 'getResult' | 'getArtifactsTar' | 'getArtifactsZip' | 'listArtifacts' | 'getArtifact';

export function artifactHandlers({ service }: HandlerDependencies): Pick<Handlers, ArtifactRoutes> {
  const whenEnded = async <T>(build: BuildId, answer: (contents: ArchiveContents) => T | Promise<T>) => {
    const contents = await service.archiveContents(build);
    return contents === null ? stillRuns(build) : answer(contents);
  };
  return {
    getResult: ({ params: { buildId } }) =>
      whenEnded(buildId, () => ({ ready: true, location: `/v1/build/${buildId}/artifacts.tar.gz` })),
    getArtifactsTar: ({ params: { buildId }, headers, setHeader }) =>
      whenEnded(buildId, async (contents) => {
        const archive = await stitchTar(contents);
        setHeader('Accept-Ranges', 'bytes');
        setHeader('ETag', `"${archive.tag}"`);
        const ifRange = headers['if-range'];
        const range = byteRange(headers.range, Array.isArray(ifRange) ? ifRange[0] : ifRange, archive);
        const { start, end } = range ?? { start: 0, end: archive.bytes };
        return {
          ready: true,
          content: archive.read(start, end),
          bytes: end - start,
          fileName: `build-${buildId}-artifacts.tar.gz`,
          ...(range === null ? {} : { part: { start, total: archive.bytes } }),
        };
      }),
    getArtifactsZip: ({ params: { buildId } }) =>
      whenEnded(buildId, (contents) => ({
        ready: true,
        content: zipStream(contents),
        bytes: null,
        fileName: `build-${buildId}-artifacts.zip`,
      })),
    listArtifacts: async ({ params: { buildId, folder }, query }) => {
      const archive = await archiveOf(service, buildId, folder);
      return listFolder(archive, folder, pageOf(query));
    },
    getArtifact: async ({ params: { buildId, folder, path } }) => {
      const archive = await archiveOf(service, buildId, folder);
      const file = await openFile(archive, `${folder}/${path}`);
      if (file === null) {
        throw new ClusterRunnerError(
          'NOT_FOUND',
          `There is no file ${JSON.stringify(path)} in ${folder}; GET /v1/build/${buildId}/artifact/${folder} lists what there is.`,
        );
      }
      return { ready: true, ...file, fileName: basename(path) };
    },
  };
}

/** The archive that has the folder. @throws NOT_FOUND, CONFLICT while the build runs */
async function archiveOf(
  service: HandlerDependencies['service'],
  build: BuildId,
  folder: string,
): Promise<string> {
  const contents = await service.archiveContents(build);
  if (contents === null) {
    throw new ClusterRunnerError('CONFLICT', stillRuns(build).error);
  }
  const subjob = ATOM_FOLDER.exec(folder)?.[1];
  const archive = contents.files.find((file) => basename(file) === `${subjob}.tar.gz`);
  if (archive === undefined) {
    throw new ClusterRunnerError(
      'NOT_FOUND',
      `The results of build ${build} have no folder ${folder}; GET /v1/build/${build}/atom lists its atoms.`,
    );
  }
  return archive;
}

function stillRuns(build: BuildId): NotYet {
  return {
    ready: false,
    error: `Build ${build} still runs; its results can be fetched when its status is SUCCESS or FAILURE.`,
  };
}
