import type { IncomingHttpHeaders } from 'node:http';
import { basename } from 'node:path';
import { PassThrough, pipeline } from 'node:stream';
import { Semaphore } from '../../../lib/async/semaphore.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';
import { type BuildId, toId } from '../../../protocol/ids.js';
import { ATOM_FOLDER } from '../../../protocol/results/artifact.js';
import { listArtifacts, openArtifact } from '../../archives/archive-reader.js';
import { concatenateArchives, concatenateArriving } from '../../archives/concatenate-archives.js';
import type { OpenedFile } from '../../archives/entry-list.js';
import { zipStream } from '../../archives/zip.js';
import type { ArchiveContents } from '../../state/master-api.js';
import type { Handlers, NotYet } from '../handler.js';
import { byteRange } from '../response/byte-range.js';
import { SHOWN_POLICY, shownType } from '../response/shown-type.js';
import { type HandlerDependencies, pageOf } from './dependencies.js';

const READ_BYTES = 256 * 1024;

type ArtifactRoutes =
  | 'getResult'
  | 'getArtifactsTar'
  | 'getArtifactsZip'
  | 'listArtifacts'
  | 'getArtifact'
  | 'showArtifact';

/** Concurrent scans. Each reads through an archive, which may unpack to gigabytes, or through its list of entries. */
const SCANS_AT_ONCE = 2;

export function artifactHandlers({ service }: HandlerDependencies): Pick<Handlers, ArtifactRoutes> {
  const scans = new Semaphore(SCANS_AT_ONCE);
  const fileOf = async (
    { buildId, folder, path }: { buildId: BuildId; folder: string; path: string },
    gone: AbortSignal,
  ): Promise<OpenedFile> => {
    for (const archive of await archivesOf(service, buildId, folder)) {
      const file = await scans.run(gone, () => openArtifact(archive, folder, path, gone));
      if (file !== null) {
        return file;
      }
    }
    throw new ClusterRunnerError(
      'NOT_FOUND',
      `There is no file ${JSON.stringify(path)} in ${folder}; GET /v1/build/${buildId}/artifact/${folder} lists what there is.`,
    );
  };
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
    getArtifactsZip: async ({ params: { buildId }, query: { folder, path }, headers, setHeader }) => {
      if (folder !== undefined) {
        const below = path === undefined ? folder : `${folder}/${path}`;
        const files = await archivesOf(service, buildId, folder);
        const fileName = `build-${buildId}-${below.replaceAll('/', '-')}.zip`;
        return {
          ready: true,
          content: zipStream({ files, failedFolders: [] }, below),
          bytes: null,
          fileName,
        };
      }
      if (path !== undefined) {
        throw new ClusterRunnerError(
          'INVALID_REQUEST',
          'The query has a path without the folder that it is in.',
        );
      }
      return whenEnded(buildId, async (contents) => {
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
      });
    },
    listArtifacts: async ({ params: { buildId, folder }, query, gone }) => {
      const [first, ...others] = await archivesOf(service, buildId, folder);
      const listed = await scans.run(gone, () => listArtifacts(first, folder, pageOf(query), gone));
      // A folder is in one of them.
      const [other] = listed.total === 0 ? others : [];
      return other === undefined
        ? listed
        : await scans.run(gone, () => listArtifacts(other, folder, pageOf(query), gone));
    },
    getArtifact: async ({ params, gone, setHeader }) => {
      const file = await fileOf(params, gone);
      setHeader('Content-Security-Policy', SHOWN_POLICY);
      return { ready: true, ...file, fileName: basename(params.path) };
    },
    showArtifact: async ({ params, gone, setHeader }) => {
      const file = await fileOf(params, gone);
      setHeader('Content-Security-Policy', SHOWN_POLICY);
      return { ready: true, ...file, fileName: null, type: shownType(params.path) };
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

/** The archives that may have the folder. @throws NOT_FOUND, CONFLICT while they may still arrive */
async function archivesOf(
  service: HandlerDependencies['service'],
  build: BuildId,
  folder: string,
): Promise<readonly [string, ...string[]]> {
  const subjob = toId.subjob(Number(ATOM_FOLDER.exec(folder)?.[1]));
  const { files, isOver } = await service.archivesOfSubjob(build, subjob);
  const [first, ...others] = files;
  if (first !== undefined) {
    return [first, ...others];
  }
  throw isOver
    ? new ClusterRunnerError(
        'NOT_FOUND',
        `The results of build ${build} have no folder ${folder}; GET /v1/build/${build}/atom lists its atoms.`,
      )
    : new ClusterRunnerError(
        'CONFLICT',
        `${folder} of build ${build} has not arrived yet: results come when a subjob has ended.`,
      );
}

function stillRuns(build: BuildId): NotYet {
  return {
    ready: false,
    error: `Build ${build} still runs; its results can be fetched when its status is SUCCESS or FAILURE.`,
  };
}
