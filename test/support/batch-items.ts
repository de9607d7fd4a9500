import type { BatchItem } from '../../src/process/batch/item-runner.js';

/** Items with these environments; all of them get the same existing folder. */
export function batchItems(
  folder: string,
  ...envs: readonly Readonly<Record<string, string>>[]
): BatchItem[] {
  return envs.map((env, id) => ({ name: { id, variable: 'VALUE', value: env.VALUE ?? '' }, env, folder }));
}
