import type { BuildId } from '../../../protocol/ids.js';

const DEFAULT_ORIGINS: ReadonlySet<string> = new Set(['http://localhost:43000', 'http://127.0.0.1:43000']);

/** The command that runs the failed and lost atoms of a build again, from any machine with the secret of the master. */
export function rerunCommand(buildId: BuildId, { origin }: { readonly origin: string }): string {
  const master = DEFAULT_ORIGINS.has(origin) ? '' : ` --master-url ${origin}`;
  return `clusterrunner build --rerun-failed ${buildId}${master}`;
}
