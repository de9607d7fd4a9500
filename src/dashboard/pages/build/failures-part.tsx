import { useState } from 'preact/hooks';
import { getJson } from '../../api/api-calls.js';
import { useLoaded } from '../../api/use-loaded.js';
import { CopyButton } from '../../parts/controls/copy-button.js';
import { ProblemNotice } from '../../parts/page/notices.js';
import type { TabProps } from './build-tab.js';
import { FailureGroupPart } from './failure-group-part.js';
import { rerunCommand } from './rerun-command.js';

/** So many groups are loaded at first, and with each request for more. */
const PAGE = 20;
/** The most that the API returns at once. */
const MOST = 100;
/** The lines of so many groups are shown at first. */
const OPEN = 3;

/** The failed atoms of a build, in groups whose outputs end alike. */
export function FailuresPart({ build }: TabProps) {
  const [limit, setLimit] = useState(PAGE);
  const buildId = build.id;
  const hasFailures = build.num_atoms_failed > 0;
  const { data, problem } = useLoaded(
    `failures of ${buildId} ${limit} ${hasFailures}`,
    async (signal) =>
      hasFailures
        ? await getJson('/v1/build/:buildId/failure-group', { params: { buildId }, query: { limit }, signal })
        : null,
    { isChangedBy: ({ data: { build_id } }) => build_id === buildId },
  );
  if (!hasFailures) {
    return null;
  }
  return (
    <section aria-labelledby="failures" class="failures">
      <h2 id="failures">
        {countOf(build.num_atoms_failed, 'failure')}
        {data !== null && data.total > 1 && ` in ${data.total} groups`}
      </h2>
      {build.status !== 'BUILDING' && <RerunLine command={rerunCommand(buildId, window.location)} />}
      <ProblemNotice problem={problem} />
      {data?.groups.map((group, place) => (
        <FailureGroupPart key={group.key} build={build} group={group} isOpen={place < OPEN} />
      ))}
      {data !== null && data.total > data.groups.length && limit < MOST && (
        <button type="button" onClick={() => setLimit(Math.min(MOST, limit + 2 * PAGE))}>
          Show more groups
        </button>
      )}
      {data !== null && data.total > data.groups.length && limit >= MOST && (
        <p class="quiet">{data.total - data.groups.length} smaller groups are not shown.</p>
      )}
    </section>
  );
}

function countOf(number: number, what: string): string {
  return `${number.toLocaleString('en-US')} ${what}${number === 1 ? '' : 's'}`;
}

function RerunLine({ command }: { readonly command: string }) {
  return (
    <p class="rerun">
      Run them again: <code>{command}</code> <CopyButton text={command} label="Copy the command" />
    </p>
  );
}
