import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { durationText } from '../../../../lib/text/duration-text.js';
import type { Build } from '../../../../protocol/build/build.js';
import {
  atomsText,
  progressShares,
  secondsOfBuild,
  titleOfBuild,
} from '../../../parts/status/build-progress.js';
import { BuildSource } from '../../../parts/status/build-source.js';
import { ProgressBar } from '../../../parts/status/progress-bar.js';
import { Status } from '../../../parts/status/status.js';
import { lookOfBuild } from '../../../parts/status/status-look.js';
import { usePageTitle } from '../../../parts/text/page-title.js';
import { now } from '../../../parts/text/ticking-now.js';
import { Timestamp } from '../../../parts/text/timestamp.js';

interface BuildTopProps {
  readonly build: Build;
  /** Beside the title. */
  readonly buttons?: ComponentChildren;
  /** Below the facts. */
  readonly children?: ComponentChildren;
}

/** The identity, the verdict and the progress of a build. */
export function BuildTop({ build, buttons, children }: BuildTopProps) {
  const { request_params: request, revision } = build;
  const look = lookOfBuild(build);
  usePageTitle(titleOfBuild(build), look.tone);
  const text = atomsText(build);
  const left = useSecondsLeft(build);
  return (
    <header class="build-head">
      <div class="title">
        <h1>
          <Status look={look} /> <bdi>{request.job_name ?? 'Build'}</bdi>{' '}
          <span class="quiet">build {build.id}</span>
        </h1>
        {buttons !== undefined && <div class="buttons">{buttons}</div>}
      </div>
      <p class="facts">
        <span>
          <BuildSource build={build} />
        </span>
        {revision?.subject != null && <bdi class="subject">{revision.subject}</bdi>}
        {request.requested_by !== undefined && (
          <span>
            by <bdi>{request.requested_by}</bdi>
          </span>
        )}
        <span>
          <Timestamp at={build.state_timestamps.QUEUED ?? null} />
        </span>
        {(request.priority ?? 0) !== 0 && <span>priority {request.priority}</span>}
      </p>
      {(build.num_atoms ?? (build.status === 'BUILDING' ? 1 : 0)) > 0 && (
        <ProgressBar shares={progressShares(build)} text={text} />
      )}
      <p class="facts">
        <span>{text}</span>
        {build.num_atoms_lost > 0 && (
          <span class="tone-bad">
            {build.num_atoms_lost} lost with {build.num_atoms_lost === 1 ? 'its' : 'their'} slaves
          </span>
        )}
        <span>
          {durationText(secondsOfBuild(build, now.value))}
          {left > 0 && `, about ${durationText(Math.ceil(left))} left`}
        </span>
        {build.status === 'BUILDING' && (
          <span>
            {build.num_executors} {build.num_executors === 1 ? 'executor' : 'executors'} busy
          </span>
        )}
      </p>
      {children}
    </header>
  );
}

/** Counts the estimate of the master down, which stays the same while long atoms run; 0 without one, or when it was wrong. */
function useSecondsLeft({ status, seconds_left: seconds }: Build): number {
  const estimate = useRef({ seconds, at: now.value });
  if (estimate.current.seconds !== seconds) {
    estimate.current = { seconds, at: now.value };
  }
  return status === 'BUILDING' ? (seconds ?? 0) - (now.value - estimate.current.at) : 0;
}
