import type { IncomingHttpHeaders } from 'node:http';
import { basename } from 'node:path';
import { PassThrough, pipeline } from 'node:stream';
import { Semaphore } from '../../../lib/async/semaphore.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';
import type { BuildId } from '../../../protocol/ids.js';
import { ATOM_FOLDER } from '../../../protocol/results/artifact.js';
import { subjobOfArchive } from '../../archives/archive-files.js';
import { listArtifacts, openArtifact } from '../../archives/archive-reader.js';
import { concatenateArchives, concatenateArriving } from '../../archives/concatenate-archives.js';
import { zipStream } from '../../archives/zip.js';
import type { ArchiveContents } from '../../state/master-api.js';
import type { Handlers, NotYet } from '../handler.js';
import { byteRange } from '../response/byte-range.js';
import { type HandlerDependencies, pageOf } from './dependencies.js';

const READ_BYTES = 256 * 1024;

type ArtifactRoutes = 'getResult' | 'getArtifactsTar' | 'getArtifactsZip' | 'listArtifacts' | 'getArtifact';

/** Concurrent scans. Each reads through an archive, which may unpack to gigabytes, or through its list of entries. */
const SCANS_AT_ONCE = 2;

export function artifactHandlers({ service }: HandlerDependencies): Pick<Handlers, ArtifactRoutes> {
  const scans = new Semaphore(SCANS_AT_ONCE);
  const whenEnded = async <T>(build: BuildId, respond: (contents: ArchiveContents) => T | Promise<T>) => {
    const contents = await service.archiveContents(build);
    return contents === null ? stillRuns(build) : respond(contents);
  };
  return {
    getResult: ({ params: { buildId } }) =>
      whenEnded(buildId, () => ({ ready: true, location: `/v1/build/${buildId}/artifacts.tar.gz` })),
    getArtifactsTar: async ({ params: { buildId }, query, headers, stopping, setHeader }) => {
      const arriving = query.until === 'end' ? await arrivingTar(service, buildId, stopping) : null;
      if (arriving !== null) {
        // Proxies that buffer responses would hold it back.
        setHeader('X-Accel-Buffering', 'no');
        setHeader('Cache-Control', 'no-store');
        return arriving;
      }
      return whenEnded(buildId, async (contents) => {
        const archive = await concatenateArchives(contents);
        const part = partOf(archive, headers, setHeader);
        const fileName = `build-${buildId}-artifacts.tar.gz`;
        return { ...part.response, content: archive.read(part.start, part.end), fileName };
      });
    },
    getArtifactsZip: ({ params: { buildId }, headers, setHeader }) =>
      whenEnded(buildId, async (contents) => {
        const fileName = `build-${buildId}-artifacts.zip`;
        const zip = await service.zips.open(buildId, contents);
        if (zip === null) {
          return { ready: true, content: zipStream(contents), bytes: null, fileName };
        }
        try {
          const { start, end, response } = partOf(zip, headers, setHeader);
          const content = zip.file.createReadStream({ start, end: end - 1, highWaterMark: READ_BYTES });
          return { ...response, content, fileName };
        } catch (error) {
          await zip.file.close();
          throw error;
        }
      }),
    listArtifacts: async ({ params: { buildId, folder }, query, gone }) => {
      const archive = await archiveOf(service, buildId, folder);
      return scans.run(gone, () => listArtifacts(archive, folder, pageOf(query), gone));
    },
    getArtifact: async ({ params: { buildId, folder, path }, gone }) => {
      const archive = await archiveOf(service, buildId, folder);
      const file = await scans.run(gone, () => openArtifact(archive, folder, path, gone));
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

/** null when the build has ended. The stream breaks off when the master stops. */
async function arrivingTar(service: HandlerDependencies['service'], build: BuildId, stopping: AbortSignal) {
  const end = new AbortController();
  const batches = await service.followArchives(build, AbortSignal.any([stopping, end.signal]));
  if (batches === null) {
    return null;
  }
  const content = new PassThrough();
  // A stream of the generator itself would close only after its next batch.
  content.once('close', () => end.abort());
  // A failure ends `content`, which passes it on to the response.
  pipeline(
    concatenateArriving(batches, () => service.archiveContents(build)),
    content,
    () => end.abort(),
  );
  return { ready: true, content, bytes: null, fileName: `build-${build}-artifacts.tar.gz` } as const;
}

/** The requested bytes of an immutable whole, from `start` to before `end`. @throws RANGE_NOT_SATISFIABLE */
function partOf(
  whole: { readonly bytes: number; readonly tag: string },
  headers: IncomingHttpHeaders,
  setHeader: (name: string, value: string) => void,
) {
  setHeader('Accept-Ranges', 'bytes');
  setHeader('ETag', `"${whole.tag}"`);
  const ifRange = headers['if-range'];
  const range = byteRange(headers.range, Array.isArray(ifRange) ? ifRange[0] : ifRange, whole);
  const { start, end } = range ?? { start: 0, end: whole.bytes };
  const response = {
    ready: true,
    bytes: end - start,
    ...(range === null ? {} : { part: { start, total: whole.bytes } }),
  } as const;
  return { start, end, response };
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
  const archive = contents.files.find((file) => subjobOfArchive(file) === subjob);
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
