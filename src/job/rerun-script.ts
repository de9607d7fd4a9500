import { quoteForShell } from '../lib/text/shell-quote.js';
import { COMMAND_FILE } from '../protocol/results/archive-names.js';
import { type AtomFacts, atomEnvironment, buildEnvironment } from './command-environment.js';
import { commandString } from './command-string.js';

export interface RerunFacts extends Omit<AtomFacts, 'projectDirectory' | 'artifactDirectory'> {
  /** null when unknown: then the user of the script has to set it. */
  readonly projectDirectory: string | null;
  readonly jobName: string;
  /** The job's commands as `shellText` joins them. */
  readonly command: string;
  /** The same for its `setup_build`; empty where it has none. */
  readonly setup: string;
}

/** The argument that makes the script run `setup_build` before the atom. */
export const WITH_SETUP = '--with-setup';

/** A line near the beginning of scripts of jobs with a setup, and only there. */
const SETUP_REMARK = `# With the argument ${WITH_SETUP} it runs setup_build first.`;
/** The beginning of a script that has this line, whatever the name of the job is. */
export const SCRIPT_HEAD_BYTES = 256;

const NO_PROJECT = `echo 'Set PROJECT_DIR to a checkout of the project.' >&2
  exit 2`;

/** Whether a script with this beginning takes `--with-setup`. */
export function takesSetup(head: string): boolean {
  return head.split('\n').includes(SETUP_REMARK);
}

/**
 * The content of COMMAND_FILE: a script for any POSIX shell that reruns the atom by hand with its environment.
 * PROJECT_DIR, ARTIFACT_DIR and the indexes can be set from outside; by default, artifacts go to a new folder, so that
 * fetched results are not overwritten. Without `--with-setup` it relies on an earlier setup in that folder.
 */
export function rerunScript(facts: RerunFacts): string {
  const known = { ...facts, projectDirectory: facts.projectDirectory ?? '', artifactDirectory: '' };
  const { PROJECT_DIR: _, ARTIFACT_DIR: __, [facts.variable]: ___, ...rest } = atomEnvironment(known);
  const ofBuild = new Set(Object.keys(buildEnvironment(known)));
  const settings = Object.entries(rest).map(([name, value]) => ({
    isOfBuild: ofBuild.has(name),
    // Indexes choose ports and databases, which may be taken where the script runs.
    line: name.endsWith('_INDEX') ? `export ${name}="\${${name}:-${value}}"` : `export ${name}=${value}`,
  }));
  const lines = (isOfBuild: boolean) =>
    settings.flatMap((setting) => (setting.isOfBuild === isOfBuild ? [setting.line] : [])).join('\n');
  const hasSetup = facts.setup !== '';
  return `#!/bin/sh
${hasSetup ? `${SETUP_REMARK}\n` : ''}# Reruns atom ${facts.atomId} of build ${facts.buildId}, job ${oneLine(facts.jobName)}, by hand.
# In a checkout elsewhere: PROJECT_DIR=/path/to/checkout sh ${COMMAND_FILE}

case $#-\${1:-} in
  0- | 1-${WITH_SETUP}) ;;
  *)
    echo 'The only argument that this script takes is ${WITH_SETUP}.' >&2
    exit 2
    ;;
esac
if [ -z "\${PROJECT_DIR:-}" ]; then
  ${facts.projectDirectory === null ? NO_PROJECT : `PROJECT_DIR=${quoteForShell(facts.projectDirectory)}`}
fi
if [ -z "\${ARTIFACT_DIR:-}" ]; then
  ARTIFACT_DIR=$(mktemp -d) || exit 2
  echo "Artifacts go to $ARTIFACT_DIR" >&2
fi
mkdir -p -- "$ARTIFACT_DIR" || exit 2
case $ARTIFACT_DIR in /*) ;; *) ARTIFACT_DIR=$PWD/$ARTIFACT_DIR ;; esac
case $PROJECT_DIR in /*) ;; *) PROJECT_DIR=$PWD/$PROJECT_DIR ;; esac
if ! cd -- "$PROJECT_DIR"; then
  ${NO_PROJECT}
fi
export PROJECT_DIR
${lines(true)}
${hasSetup ? setupPart(facts.setup) : ''}export ARTIFACT_DIR
${lines(false)}
${commandString(facts)}

# No variable of this script could be one of the atom's.
set -- ${quoteForShell(facts.command)}

if command -v bash >/dev/null 2>&1; then
  exec bash -o pipefail -c "$1"
fi
exec /bin/sh -c "$1"
`;
}

/** The setup has the environment of a build, without the atom's. There is no cache by hand, so it must make everything. */
function setupPart(setup: string): string {
  return `
if [ $# -eq 0 ]; then
  echo 'This relies on what setup_build makes; ${WITH_SETUP} runs it first.' >&2
else
  (
    unset ARTIFACT_DIR
    export CACHE_HIT="\${CACHE_HIT:-false}"
    set -- ${quoteForShell(setup)}
    if command -v bash >/dev/null 2>&1; then
      exec bash -o pipefail -c "$1"
    fi
    exec /bin/sh -c "$1"
  ) || {
    echo "setup_build exited with $?." >&2
    exit 2
  }
fi

`;
}

/** The name as JSON, so that it cannot end the comment. */
function oneLine(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029]/g, '?');
}

/** The beginning of a script that has PROJECT_DIR, whatever the name of the job is. */
export const SCRIPT_START_BYTES = 64 * 1024;

/** Where the atom of a script with this beginning ran; null where that is unknown, or has a line feed in it. */
export function projectDirectoryOf(start: string): string | null {
  const [, plain, quoted] = /^ {2}PROJECT_DIR=(?:([\w/.,:@%+-]+)|'((?:[^'\n]|'\\'')*)')$/m.exec(start) ?? [];
  return plain ?? quoted?.replaceAll("'\\''", "'") ?? null;
}
