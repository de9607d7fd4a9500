import { existsSync, readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { MasterClient } from '../../../client/master-client.js';
import { atomName } from '../../../job/atom-name.js';
import { aliasesOf } from '../../../job/project-path.js';
import { projectDirectoryOf, SCRIPT_START_BYTES } from '../../../job/rerun-script.js';
import { type AtomSuite, MergedReport, type OwnCase, type ReportFile } from '../../../junit/merged-report.js';
import { readStart } from '../../../lib/fs/read/read-start.js';
import { readTail } from '../../../lib/fs/read/read-tail.js';
import { PathAliases } from '../../../lib/text/path-aliases.js';
import { cleanLine, stripControlChars } from '../../../lib/text/strip-control-chars.js';
import type { Build } from '../../../protocol/build/build.js';
import type { Revision } from '../../../protocol/build/revision.js';
import type { Atom } from '../../../protocol/build/work.js';
import { atomFolder, type BuildId } from '../../../protocol/ids.js';
import { COMMAND_FILE, CONSOLE_FILE } from '../../../protocol/results/archive-names.js';
import type { TestCounts } from '../../../protocol/results/result-facts.js';
import { MAX_PAGE } from '../../../protocol/routes.js';
import { type Patience, retryPatiently } from '../patience.js';
import { runOfCached } from './cached-atoms-file.js';

/** The name of the merged report in the folder of the results. */
export const JUNIT = 'junit.xml';

const OUTPUT_BYTES = 8 * 1024;

/**
 * Writes the JUnit report of a build beside the folders of its atoms: one suite per atom, of its last run. `onAtoms` is called
 * with all atoms, some at a time.
 * @throws what the client and the file system throw; the signal's reason
 */
export async function writeJunit(
  client: Pick<MasterClient, 'listAtoms'>,
  build: Pick<Build, 'id' | 'atom_variables' | 'request_params' | 'revision'>,
  directory: string,
  patience: Patience,
  onAtoms: (atoms: readonly Atom[]) => void,
): Promise<void> {
  const { signal } = patience;
  const job = build.request_params.job_name ?? 'clusterrunner';
  const origin = originOf(build.revision);
  const merged = new MergedReport(join(directory, JUNIT), `${cleanLine(job)}, build ${build.id}`);
  try {
    for await (const atoms of pagesOfAtoms(client, build.id, patience)) {
      onAtoms(atoms);
      for (const atom of atoms) {
        const name = atomName(atom.command_string, build.atom_variables);
        const suite = suiteOf(atom, name, job, directory, build.request_params);
        merged.add({ ...suite, properties: { ...origin, ...suite.properties } });
        // Lets a signal be handled.
        await yieldToEventLoop();
        signal.throwIfAborted();
      }
    }
    merged.close();
  } catch (error) {
    merged.abandon();
    throw error;
  }
}

/** All atoms of a build, some at a time. @throws as the client; the signal's reason */
export async function* pagesOfAtoms(
  client: Pick<MasterClient, 'listAtoms'>,
  id: BuildId,
  patience: Patience,
): AsyncGenerator<readonly Atom[]> {
  const { signal } = patience;
  for (let offset = 0; ; offset += MAX_PAGE) {
    const page = () => client.listAtoms(id, { offset, limit: MAX_PAGE }, { signal });
    const { atoms, total } = await retryPatiently(page, patience);
    yield atoms;
    if (offset + atoms.length >= total || atoms.length === 0) {
      return;
    }
  }
}

/** Properties of each suite, since the root element has none. */
function originOf(revision: Revision | null): Record<string, string> {
  if (revision === null) {
    return {};
  }
  const { commit, branch, has_changes: hasChanges } = revision;
  return {
    revision: commit,
    ...(branch === null ? {} : { branch: cleanLine(branch) }),
    ...(hasChanges === null ? {} : { has_changes: String(hasChanges) }),
  };
}

function suiteOf(
  atom: Atom,
  name: string,
  job: string,
  directory: string,
  request: Build['request_params'],
): AtomSuite {
  const folder = join(directory, atomFolder(atom.subjob_id, atom.id));
  // The slave has counted the reports: searching thousands of folders without any takes as long as unpacking them.
  const hasReports = (atom.tests !== null || atom.num_bad_reports > 0) && existsSync(folder);
  return {
    name: cleanLine(name),
    className: cleanLine(job),
    hostname: atom.slave === null ? null : cleanLine(atom.slave),
    seconds: atom.actual_time,
    properties: {
      ...(atom.num_retries === 0 ? {} : { retries: String(atom.num_retries) }),
      ...(atom.cached_from === null ? {} : { cached_from: runOfCached(atom.cached_from) }),
      ...(atom.num_bad_reports === 0 ? {} : { bad_reports: String(atom.num_bad_reports) }),
      ...(atom.num_left_out === 0 ? {} : { left_out: String(atom.num_left_out) }),
    },
    files: hasReports ? xmlFilesIn(folder) : [],
    paths: hasReports ? aliasesIn(folder, request) : new PathAliases([]),
    ownCase: (counts) => ownCaseOf(atom, counts, join(folder, CONSOLE_FILE)),
  };
}

/** A test case for the atom itself: where its reports do not show its failure, or where it has no reports. */
function ownCaseOf(atom: Atom, counts: TestCounts | null, console: string): OwnCase | null {
  const output = () => (existsSync(console) ? endOf(console) : '');
  switch (atom.outcome) {
    case 'LOST':
      return { verdict: 'error', message: stripControlChars(atom.error ?? 'It was lost.'), output: '' };
    case 'INTERRUPTED':
      return {
        verdict: 'error',
        message: stripControlChars(atom.error ?? 'It was ended with its build.'),
        output: output(),
      };
    case 'FAILED': {
      const isInReports = counts !== null && counts.failures + counts.errors > 0;
      const message = `The commands of the atom ended with exit code ${atom.exit_code}.`;
      return isInReports ? null : { verdict: 'failure', message, output: output() };
    }
    case 'PASSED':
      return counts === null || counts.tests === 0 ? { verdict: 'passed', message: '', output: '' } : null;
    case null:
      return { verdict: 'skipped', message: 'The build ended before it had run.', output: '' };
  }
}

function endOf(console: string): string {
  return stripControlChars(readTail(console, OUTPUT_BYTES).text);
}

/** Aliases for paths of the checkout on the slave, which is gone; consoles have the same aliases. */
function aliasesIn(folder: string, { type, project_directory }: Build['request_params']): PathAliases {
  const script = join(folder, COMMAND_FILE);
  const ranIn =
    type === 'directory' || !existsSync(script)
      ? null
      : projectDirectoryOf(readStart(script, SCRIPT_START_BYTES));
  return new PathAliases(
    ranIn === null ? [] : aliasesOf(ranIn, checkoutAbove(ranIn, project_directory ?? '.')),
  );
}

/** @param folder relative to the top of the repository */
function checkoutAbove(projectDirectory: string, folder: string): string {
  const top = resolve(projectDirectory, relative(resolve('/', folder), '/'));
  return join(top, folder) === projectDirectory ? top : projectDirectory;
}

function xmlFilesIn(folder: string): ReportFile[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.xml$/i.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({ path, name: relative(folder, path) }));
}
