import { durationText } from '../../../lib/text/duration-text.js';
import type { Build } from '../../../protocol/build/build.js';
import type { CachedFrom } from '../../../protocol/build/cached-atom.js';
import type { Atom } from '../../../protocol/build/work.js';
import { masterVersion } from '../../api/master-version.js';
import { CopyButton } from '../../parts/controls/copy-button.js';
import { Status } from '../../parts/status/status.js';
import { lookOfAtom } from '../../parts/status/status-look.js';
import { exitText } from '../../parts/text/exit-text.js';
import { now } from '../../parts/text/ticking-now.js';
import { Timestamp } from '../../parts/text/timestamp.js';
import { address } from '../../router/location.js';
import { pathTo } from '../../router/page-paths.js';
import { folderOfAtom, pathToPlace } from '../build/artifacts/artifact-place.js';
import { handRerunCommand } from './hand-rerun-command.js';

interface AtomHeadProps {
  readonly atom: Atom;
  readonly build: Build;
  readonly label: string;
}

/** The outcome of an atom, and where and when it ran. */
export function AtomHead({ atom, build, label }: AtomHeadProps) {
  const { tests, slave, num_retries: retries, exit_code: code, error, cached_from: from } = atom;
  const isDelivered = atom.outcome !== null && atom.outcome !== 'LOST';
  const endsWithBuild = masterVersion.value?.ends_with_build === true;
  const command = handRerunCommand(build, atom, endsWithBuild ? null : window.location.origin);
  return (
    <header>
      <div class="title">
        <h1>
          <Status look={lookOfAtom(atom)} /> <bdi>{label}</bdi>
        </h1>
        <CopyButton text={address.value.href} label="Copy link" />
      </div>
      <p class="facts">
        <a href={pathTo({ page: 'build', buildId: build.id, tab: 'overview' })}>
          <bdi>{build.request_params.job_name ?? ''}</bdi> build {build.id}
        </a>
        {code !== null && code !== 0 && <span>exit code {exitText(code)}</span>}
        <Duration atom={atom} />
        {atom.started_at !== null && (
          <span>
            began <Timestamp at={atom.started_at} />
          </span>
        )}
        {slave !== null && (
          <span>
            on <bdi>{slave}</bdi>
          </span>
        )}
        {from && (
          <span>
            {'passed in '}
            {from.is_kept ? <a href={pathToRun(from)}>build {from.build_id}</a> : `build ${from.build_id}`}
          </span>
        )}
        {retries > 0 && (
          <span>
            {retries} {retries === 1 ? 'retry' : 'retries'}
          </span>
        )}
        {tests !== null && (
          <span>
            {tests.tests} test cases, {tests.failures + tests.errors} failed
          </span>
        )}
        {atom.num_left_out > 0 && <span>{atom.num_left_out} files incomplete</span>}
        {isDelivered && (
          <a href={pathToPlace(build.id, { folder: folderOfAtom(atom), file: null })}>Artifacts</a>
        )}
      </p>
      {error !== null && <p class="problem">{error}</p>}
      {isDelivered && code !== 0 && (
        <p class="rerun">
          Rerun it by hand: <code>{command}</code> <CopyButton text={command} label="Copy the command" />
        </p>
      )}
    </header>
  );
}

function pathToRun({ build_id: buildId, atom_id: atomId }: CachedFrom): string {
  return pathTo({ page: 'atom', buildId, atomId });
}

function Duration({
  atom: { state, actual_time: time, started_at: start, expected_time: expected },
}: {
  readonly atom: Atom;
}) {
  const seconds = time ?? (state === 'IN_PROGRESS' && start !== null ? Math.max(0, now.value - start) : null);
  return seconds === null ? null : (
    <span>
      {durationText(seconds)}
      {expected !== null && <span class="quiet"> of {durationText(expected)} expected</span>}
    </span>
  );
}
