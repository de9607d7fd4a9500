import type { Build } from '../../../protocol/build/build.js';

const SHORT_HASH = 10;

/** Branch and commit of a build, or its folder. */
export function BuildSource({ build: { revision, request_params: request } }: { readonly build: Build }) {
  const commit = revision?.commit ?? request.hash;
  const branch = revision?.branch ?? request.branch;
  if (commit === undefined && branch === undefined) {
    return <bdi class="quiet">{request.project_directory ?? request.url ?? ''}</bdi>;
  }
  return (
    <span title={revision?.subject ?? undefined}>
      {branch !== undefined && branch !== null && <bdi>{branch}</bdi>}
      {commit !== undefined && (
        <>
          {' '}
          <code class="quiet">{commit.slice(0, SHORT_HASH)}</code>
        </>
      )}
      {revision?.has_changes === true && <span class="quiet"> with changes</span>}
    </span>
  );
}
