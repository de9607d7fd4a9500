import type { barState, fruitlessEnd } from '../../../../protocol/build/timeline.js';

/* The kinds of bars in a timeline, and how each looks. */

/** In the order of the legend. */
export const barKinds = [
  'work lost',
  'work returned',
  'work canceled',
  'preparation',
  'setup',
  'interrupted',
  'passed',
  'in_progress',
  'flaky',
  'retried',
  'lost',
  'failed',
] as const satisfies readonly (
  | `work ${(typeof fruitlessEnd)[number]}`
  | 'preparation'
  | 'setup'
  | 'retried'
  | (typeof barState)[number]
)[];
export type BarKind = (typeof barKinds)[number];

/**
 * The forms differ without their colors: `slim` is half as high, `hatched` is stripes alone, `hollow` an outline, `striped` has
 * stripes within, and `split` a line along its middle. All but `slim` and `solid` are as high as their row.
 */
export type BarForm = 'slim' | 'solid' | 'striped' | 'split' | 'hollow' | 'hatched';

/** Runs of atoms whose verdicts count, setups, failed runs of atoms that ran again, and work without a result. */
export type TimePart = 'tests' | 'setup' | 'retried' | 'fruitless';

export interface BarLook {
  readonly form: BarForm;
  /** A variable of `theme.css`. */
  readonly color: `--${string}`;
  /** In the legend and in descriptions. */
  readonly word: string;
  /** The part of the time of executors that it takes. */
  readonly part: TimePart;
  /** Whether it must be visible however many bars share a pixel. */
  readonly isBad?: boolean;
}

export const barLooks: Readonly<Record<BarKind, BarLook>> = {
  'work lost': { part: 'fruitless', form: 'hatched', color: '--bad', word: 'work lost with its slave' },
  'work returned': { part: 'fruitless', form: 'hatched', color: '--quiet', word: 'work returned' },
  'work canceled': {
    part: 'fruitless',
    form: 'hatched',
    color: '--quiet',
    word: 'work in which another slave was first',
  },
  preparation: { part: 'setup', form: 'slim', color: '--wait', word: 'preparation' },
  setup: { part: 'setup', form: 'slim', color: '--wait', word: 'setup' },
  interrupted: { part: 'tests', form: 'hatched', color: '--quiet', word: 'interrupted' },
  passed: { part: 'tests', form: 'solid', color: '--good', word: 'passed' },
  in_progress: { part: 'tests', form: 'hollow', color: '--busy', word: 'running' },
  flaky: { part: 'tests', form: 'split', color: '--warn', word: 'passed after a retry' },
  retried: { part: 'retried', form: 'hollow', color: '--bad', word: 'failed and ran again' },
  lost: { part: 'tests', form: 'striped', color: '--bad', word: 'lost', isBad: true },
  failed: { part: 'tests', form: 'striped', color: '--bad', word: 'failed', isBad: true },
};

export function isBad(kind: BarKind): boolean {
  return barLooks[kind].isBad === true;
}

/** Whether a bar is a run of an atom, whose page can be opened. */
export function isOfAtom(kind: BarKind): boolean {
  const { part } = barLooks[kind];
  return part === 'tests' || part === 'retried';
}

/** The words for each look of these kinds. */
export function legendOf(kinds: readonly BarKind[]): { readonly kind: BarKind; readonly words: string }[] {
  const lookOf = (kind: BarKind) => barLooks[kind].form + barLooks[kind].color;
  return kinds
    .filter((kind, place) => kinds.findIndex((other) => lookOf(other) === lookOf(kind)) === place)
    .map((kind) => {
      const same = kinds.filter((other) => lookOf(other) === lookOf(kind));
      return { kind, words: same.map((other) => barLooks[other].word).join(', ') };
    });
}
