import { type RerunFacts, rerunScript } from '../../job/rerun-script.js';
import { shellText } from '../../job/shell-text.js';
import type { NamedJob } from '../../protocol/build/job.js';
import type { BuildId, SubjobId } from '../../protocol/ids.js';

type AtomFacts = Omit<RerunFacts, 'buildId' | 'subjobId' | 'jobName' | 'command' | 'setup'>;

/** Composes the scripts of the atoms of a subjob. All but where they ran comes from the master's own data. */
export function rerunScriptsOf(
  buildId: BuildId,
  { name, definition }: NamedJob,
  subjobId: SubjobId,
): (atom: AtomFacts) => string {
  const command = shellText(definition.commands);
  const setup = shellText(definition.setup_build ?? []);
  return (atom) => rerunScript({ ...atom, buildId, subjobId, jobName: name, command, setup });
}
