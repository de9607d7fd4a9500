import { sparklinePath } from './sparkline-path.js';
import { markPaths, type ShownRun, titleOfRun, titleOfRuns } from './verdict-marks.js';

interface VerdictStripProps<Run> {
  /** Oldest first. */
  readonly runs: readonly Run[];
  /** Where a click on a run leads to, null if to nothing; without this the strip is a picture alone. */
  readonly hrefOf?: (run: Run) => string | null;
  /** Whether a run is the subject of the page; only of use with `hrefOf`. */
  readonly isCurrent?: (run: Run) => boolean;
}

/** Pixels from one run to the next, and where there are few runs, which would be a smudge otherwise. */
const STEPS = { usual: 4, wide: 10 } as const;
const FEW = 8;
const HEIGHT = 26;
/** The durations are drawn in this part, at the top. */
const TIMES_HEIGHT = 13;

/** The runs of an atom from left to right: a line of their durations, and below it a mark for each verdict. */
export function VerdictStrip<Run extends ShownRun>({ runs, hrefOf, isCurrent }: VerdictStripProps<Run>) {
  const step = runs.length < FEW ? STEPS.wide : STEPS.usual;
  const width = runs.length * step;
  const times = sparklinePath(
    runs.map(({ seconds }) => seconds),
    width - step,
    TIMES_HEIGHT - 2,
  );
  return (
    <svg
      class="verdict-strip"
      width={width}
      height={HEIGHT}
      viewBox={`0 0 ${width} ${HEIGHT}`}
      role={hrefOf === undefined ? 'img' : 'group'}
      aria-label={titleOfRuns(runs)}
    >
      {hrefOf !== undefined &&
        runs.map((run, index) => {
          const href = hrefOf(run);
          const area = (
            <rect x={index * step} width={step} height={HEIGHT} class={isCurrent?.(run) ? 'current' : ''}>
              <title>{titleOfRun(run)}</title>
            </rect>
          );
          return href === null ? (
            <g key={run.build_id}>{area}</g>
          ) : (
            // Too many to be passed with the key Tab.
            <a key={run.build_id} href={href} aria-label={titleOfRun(run)} tabindex={-1}>
              {area}
            </a>
          );
        })}
      <path class="times" d={times} transform={`translate(${step / 2} 1)`} />
      {markPaths(runs, step, HEIGHT).map(({ tone, path }) => (
        <path key={tone} class={`marks tone-${tone}`} d={path} />
      ))}
    </svg>
  );
}
