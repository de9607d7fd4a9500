import { quoteForShell } from '../lib/shell-quote.js';
import { commandString } from './command-string.js';
import { type AtomFacts, atomEnvironment } from './environment.js';

export interface RerunFacts extends AtomFacts {
  readonly jobName: string;
  /** The shell text of the job's commands, as `shellText` makes it. */
  readonly command: string;
}

/**
 * The contents of `clusterrunner_command`: a script for any POSIX shell that reruns the atom by hand, with the
 * environment that it had. PROJECT_DIR, ARTIFACT_DIR and the indexes can be set from outside; artifacts go to a new
 * folder unless told otherwise, so that a result that was fetched is not overwritten.
 */
export function rerunScript(facts: RerunFacts): string {
  const { PROJECT_DIR, ARTIFACT_DIR: _, [facts.variable]: __, ...rest } = atomEnvironment(facts);
  const settings = Object.entries(rest).map(([name, value]) =>
    // Indexes choose ports and databases, which may be taken where the script runs.
    name.endsWith('_INDEX') ? `export ${name}="\${${name}:-${value}}"` : `export ${name}=${value}`,
  );
  return `#!/bin/sh
# Reruns atom ${facts.atomId} of build ${facts.buildId}, job ${oneLine(facts.jobName)}, by hand.
# In a checkout elsewhere: PROJECT_DIR=/path/to/checkout sh clusterrunner_command

if [ -z "\${PROJECT_DIR:-}" ]; then
  PROJECT_DIR=${quoteForShell(PROJECT_DIR ?? '')}
fi
if [ -z "\${ARTIFACT_DIR:-}" ]; then
  ARTIFACT_DIR=$(mktemp -d) || exit 2
  echo "Artifacts go to $ARTIFACT_DIR" >&2
fi
mkdir -p -- "$ARTIFACT_DIR" || exit 2
case $ARTIFACT_DIR in /*) ;; *) ARTIFACT_DIR=$PWD/$ARTIFACT_DIR ;; esac
case $PROJECT_DIR in /*) ;; *) PROJECT_DIR=$PWD/$PROJECT_DIR ;; esac
if ! cd -- "$PROJECT_DIR"; then
  echo 'Set PROJECT_DIR to a checkout of the project.' >&2
  exit 2
fi
export PROJECT_DIR ARTIFACT_DIR
${settings.join('\n')}
${commandString(facts)}

commands=${quoteForShell(facts.command)}

if command -v bash >/dev/null 2>&1; then
  exec bash -o pipefail -c "$commands"
fi
exec /bin/sh -c "$commands"
`;
}

/** A comment must not end before the name does. */
function oneLine(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029]/g, '?');
}
