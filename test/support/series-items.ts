import type { SeriesItem } from '../../src/process/series/item-runner.js';

/** Items with these environments; all of them get the same existing folder. */
export function seriesItems(
  folder: string,
  ...envs: readonly Readonly<Record<string, string>>[]
): SeriesItem[] {
  return envs.map((env, id) => ({ name: { id, variable: 'VALUE', value: env.VALUE ?? '' }, env, folder }));
}
