import type { BuildState, BuildStatus } from '../protocol/build/build.js';

export type BuildResult = 'SUCCESS' | 'FAILURE';
/** When each state was entered last, in seconds since the epoch. */
export type StateTimestamps = Readonly<Partial<Record<BuildState, number>>>;

export interface BuildProgress {
  readonly state: BuildState;
  readonly timestamps: StateTimestamps;
}

/**
 * The states that may follow each state.
 *
 * QUEUED: stored; waits for a slave that prepares it.
 * PREPARING: one slave holds the preparation's lease; back to QUEUED when that lease is lost or returned.
 * BUILDING: its atoms are known and handed out; a build without atoms passes through it at once.
 * FINISHED: every atom has a verdict. CANCELED: somebody canceled it, or it took longer than its build_timeout. ERROR:
 * it could not be prepared or set up. Nothing follows these three.
 */
const following: Readonly<Record<BuildState, readonly BuildState[]>> = {
  QUEUED: ['PREPARING', 'CANCELED', 'ERROR'],
  PREPARING: ['QUEUED', 'BUILDING', 'CANCELED', 'ERROR'],
  BUILDING: ['FINISHED', 'CANCELED', 'ERROR'],
  FINISHED: [],
  CANCELED: [],
  ERROR: [],
};

/**
 * The only way from one state to the next. `now` in seconds since the epoch.
 * @throws Error for a step that no build can take
 */
export function enterState(build: BuildProgress, next: BuildState, now: number): BuildProgress {
  if (!following[build.state].includes(next)) {
    throw new Error(`A build cannot go from ${build.state} to ${next}.`);
  }
  return { state: next, timestamps: { ...build.timestamps, [next]: now } };
}

export function newBuild(now: number): BuildProgress {
  return { state: 'QUEUED', timestamps: { QUEUED: now } };
}

export function isEnded(state: BuildState): boolean {
  return following[state].length === 0;
}

/** null until the end. Only a build that is FINISHED without a failed atom is a success. */
export function resultOf(state: BuildState, failedAtoms: number): BuildResult | null {
  if (!isEnded(state)) {
    return null;
  }
  return state === 'FINISHED' && failedAtoms === 0 ? 'SUCCESS' : 'FAILURE';
}

/** The coarse `status` that older clients know. */
export function statusOf(result: BuildResult | null): BuildStatus {
  return result ?? 'BUILDING';
}

/** The message in `details`. The percentage is rounded down, so that only a complete build has 100.0%. */
export function detailsOf(
  state: BuildState,
  subjobs: { readonly done: number; readonly total: number } | null,
): string {
  if (subjobs !== null) {
    const { done, total } = subjobs;
    const percent = total === 0 ? 100 : Math.floor((done / total) * 1000) / 10;
    return `${done} of ${total} subjobs are complete (${percent.toFixed(1)}%).`;
  }
  switch (state) {
    case 'QUEUED':
      return 'The build waits for a slave that prepares it.';
    case 'PREPARING':
      return 'A slave fetches the project and lists the atoms.';
    case 'CANCELED':
      return 'The build was canceled before its atoms were known.';
    case 'ERROR':
      return 'The build could not be prepared.';
    case 'BUILDING':
    case 'FINISHED':
      throw new Error(`A build cannot be ${state} without its subjobs being known.`);
    default:
      return unreachable(state);
  }
}

function unreachable(state: never): never {
  throw new Error(`Unknown build state: ${String(state)}.`);
}
