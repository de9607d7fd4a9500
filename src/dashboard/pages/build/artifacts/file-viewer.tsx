import type { BuildId } from '../../../../protocol/ids.js';
import { linkTo } from '../../../api/api-calls.js';
import { bytesText } from '../../../parts/text/bytes-text.js';
import { viewOfFile } from './file-view.js';
import { TextFile } from './text-file.js';

interface FileViewerProps {
  readonly buildId: BuildId;
  readonly folder: string;
  readonly path: string;
  readonly bytes: number;
}

/** One file, with its size and a link to download it. */
export function FileViewer({ buildId, folder, path, bytes }: FileViewerProps) {
  const params = { buildId, folder, path };
  const url = linkTo('/v1/build/:buildId/show/:folder/*path', { params });
  const view = viewOfFile(path, bytes);
  return (
    <section class="file" aria-label="File">
      <h2>
        <bdi>{path}</bdi>
      </h2>
      <p class="quiet">
        {bytesText(bytes)} ·{' '}
        <a href={linkTo('/v1/build/:buildId/artifact/:folder/*path', { params })} download>
          Download
        </a>
        {view !== 'none' && (
          <>
            {' '}
            ·{' '}
            <a href={url} target="_blank" rel="noopener">
              Open alone
            </a>
          </>
        )}
      </p>
      {view === 'text' && <TextFile key={path} url={url} bytes={bytes} />}
      {view === 'picture' && <img class="file-picture" src={url} alt={path} />}
      {view === 'page' && (
        // Without any permission, and the master's response has a policy that says the same.
        <iframe key={path} class="file-page" sandbox="" src={url} title={path} />
      )}
      {view === 'none' && <p class="quiet">This kind of file is not shown; download it to look at it.</p>}
    </section>
  );
}
