import type { ProgressShares } from './build-progress.js';

interface ProgressBarProps {
  readonly shares: ProgressShares;
  /** The same in words, for screen readers. */
  readonly text: string;
}

/** How much of a build has passed and failed. */
export function ProgressBar({ shares: { passed, failed }, text }: ProgressBarProps) {
  return (
    <div
      class="progress"
      role="progressbar"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.floor(passed + failed)}
      aria-valuetext={text}
      aria-label="Progress"
    >
      <div class="progress-bad" style={{ width: `${failed}%` }} />
      <div class="progress-good" style={{ width: `${passed}%` }} />
    </div>
  );
}
