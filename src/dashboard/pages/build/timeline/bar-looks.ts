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

export interface BarLook {
  readonly form: BarForm;
  /** A variable of `theme.css`. */
  readonly color: `--${string}`;
  /** In the legend and in descriptions. */
  readonly word: string;
  /** Whether it must be visible however many bars share a pixel. */
  readonly isBad?: boolean;
}

export const barLooks: Readonly<Record<BarKind, BarLook>> = {
  'work lost': { form: 'hatched', color: '--bad', word: 'work lost with its slave' },
  'work returned': { form: 'hatched', color: '--quiet', word: 'work returned' },
  'work canceled': { form: 'hatched', color: '--quiet', word: 'work in which another slave was first' },
  preparation: { form: 'slim', color: '--wait', word: 'preparation' },
  setup: { form: 'slim', color: '--wait', word: 'setup' },
  interrupted: { form: 'hatched', color: '--wait', word: 'interrupted' },
  passed: { form: 'solid', color: '--good', word: 'passed' },
  in_progress: { form: 'hollow', color: '--busy', word: 'running' },
  flaky: { form: 'split', color: '--warn', word: 'passed after a retry' },
  retried: { form: 'hollow', color: '--bad', word: 'failed and ran again' },
  lost: { form: 'striped', color: '--bad', word: 'lost', isBad: true },
  failed: { form: 'striped', color: '--bad', word: 'failed', isBad: true },
};

export function isBad(kind: BarKind): boolean {
  return barLooks[kind].isBad === true;
}

/** Whether a bar is a run of an atom, whose page can be opened. */
export function isOfAtom(kind: BarKind): boolean {
  return kind !== 'setup' && kind !== 'preparation' && !kind.startsWith('work ');
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
