import type { ConsoleSearchQuery, MasterClient } from '../../client/master-client.js';
import { atomName } from '../../job/atom-name.js';
import { systemClock } from '../../lib/clock.js';
import { cleanLine, stripControlChars } from '../../lib/text/strip-control-chars.js';
import type { ConsoleMatch } from '../../protocol/build/console-search.js';
import type { Atom, ConsolePage } from '../../protocol/build/work.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { type AtomId, type BuildId, toId } from '../../protocol/ids.js';
import { parseBuildId, parseNumber, printJson, type ReaderOptions, withClient } from '../client-command.js';
import { exitCode } from '../exit-codes.js';
import { ConsoleWriter } from '../text/console-writer.js';
import { showsColors } from '../text/shows-colors.js';

export interface ConsoleOptions extends ReaderOptions {
  readonly follow?: boolean;
  /** Text that the shown lines contain. */
  readonly search?: string;
  readonly regex?: boolean;
  readonly case?: boolean;
}

const PAGE = 1000;
const FOLLOW_MS = 500;
const MAX_ATOMS = 100;
/** The exit code of a search without a match, as of grep. */
const NO_MATCH = 1;
/** The most that the master takes. */
const MATCHES = 1000;
const MAX_JSON_BYTES = 64 * 1024 * 1024;

/**
 * `clusterrunner console BUILD [ATOM]`: prints the console of an atom; without ATOM, of every failed atom. With `--search` only
 * the lines that contain a text; as with grep, the exit code is 1 when there are none.
 */
export async function console(
  build: string,
  atom: string | undefined,
  options: ConsoleOptions,
): Promise<number> {
  const buildId = parseBuildId(build);
  if (options.follow === true && (atom === undefined || options.json === true)) {
    throw new ClusterRunnerError('USAGE', '--follow needs an atom to follow, and does not go with --json.');
  }
  const atomId = atom === undefined ? null : toId.atom(parseNumber(atom, 'an atom', 0));
  const wanted = wantedOf(atomId, options);
  return withClient('console', options, async (client) => {
    if (atomId === null) {
      await showFailed(client, buildId, options);
    } else if (wanted !== null) {
      const hasMatches = await showMatches(client, buildId, atomId, wanted, options);
      return hasMatches ? exitCode.success : NO_MATCH;
    } else if (options.json) {
      printJson(await wholeConsole(client, buildId, atomId));
    } else {
      const hasPrinted = await copyConsole(client, buildId, atomId, options.follow === true);
      if (!hasPrinted && options.quiet !== true) {
        const found = await client.getAtom(buildId, atomId);
        process.stderr.write(`${emptyConsoleMessage(buildId, found)}\n`);
      }
    }
    return exitCode.success;
  });
}

type Wanted = Pick<ConsoleSearchQuery, 'q' | 'case' | 'regex'>;

/** null without a search. @throws ClusterRunnerError USAGE */
function wantedOf(
  atom: AtomId | null,
  { search, regex, case: isExact, follow }: ConsoleOptions,
): Wanted | null {
  if (search === undefined) {
    if (regex === true || isExact === true) {
      throw new ClusterRunnerError(
        'USAGE',
        '--regex and --case say how to search; add --search with a text.',
      );
    }
    return null;
  }
  if (atom === null || follow === true || search === '') {
    throw new ClusterRunnerError(
      'USAGE',
      '--search needs a text, and an atom in whose console to look for it; it does not go with --follow.',
    );
  }
  return {
    q: search,
    ...(isExact === true && { case: 'true' as const }),
    ...(regex === true && { regex: 'true' as const }),
  };
}

/** Prints the matching lines with their numbers, from 1, as `grep -n` does. Resolves with whether there are any. */
async function showMatches(
  client: MasterClient,
  build: BuildId,
  atom: AtomId,
  wanted: Wanted,
  { json = false }: ConsoleOptions,
): Promise<boolean> {
  const found: ConsoleMatch[] = [];
  let hasMatches = false;
  let bytes = 0;
  for (let next = 0; ; ) {
    const part = await client.searchConsole(build, atom, { ...wanted, from_line: next, limit: MATCHES });
    hasMatches ||= part.matches.length > 0;
    if (json) {
      bytes += part.matches.reduce((sum, { text }) => sum + text.length, 0);
      requireJsonSize(atom, bytes);
      found.push(...part.matches);
    } else {
      process.stdout.write(part.matches.map((match) => `${lineOf(match)}\n`).join(''));
    }
    const isEnd = part.done || part.scanned_to_line <= next;
    next = part.scanned_to_line;
    if (isEnd) {
      if (json) {
        printJson({ matches: found, total_num_lines: part.total_num_lines });
      }
      return hasMatches;
    }
  }
}

function lineOf({ line, text, text_column }: ConsoleMatch): string {
  return `${line + 1}:${text_column > 0 ? '…' : ''}${stripControlChars(text)}`;
}

/** Explains an empty console: the atom may have ended, or not run yet, or not at all. */
function emptyConsoleMessage(build: BuildId, { id, state, cached_from: from }: Atom): string {
  const subject = `Atom ${id} of build ${build}`;
  if (from !== null) {
    return from.is_kept
      ? `${subject} is cached; \`clusterrunner console ${from.build_id} ${from.atom_id}\` shows the output of the run that it was taken from.`
      : `${subject} is cached; the run that it was taken from was in build ${from.build_id}, which is deleted.`;
  }
  switch (state) {
    case 'NOT_STARTED':
      return `${subject} has not run.`;
    case 'IN_PROGRESS':
      return `${subject} has printed nothing so far.`;
    case 'COMPLETED':
      return `${subject} printed nothing.`;
  }
}

async function showFailed(client: MasterClient, build: BuildId, options: ConsoleOptions): Promise<void> {
  const { failed_atoms, atom_variables, error_message } = await client.getBuild(build);
  const failed = failed_atoms ?? (await failedSoFar(client, build));
  const shown = failed.slice(0, MAX_ATOMS);
  if (options.json) {
    const consoles: (ConsolePage & { atom_id: AtomId })[] = [];
    for (const { id } of shown) {
      consoles.push({ atom_id: id, ...(await wholeConsole(client, build, id)) });
    }
    printJson({ consoles });
    return;
  }
  for (const { id, command_string } of shown) {
    process.stdout.write(`--- atom ${id}: ${cleanLine(atomName(command_string, atom_variables))}\n`);
    await copyConsole(client, build, id, false);
  }
  if (error_message !== null) {
    process.stdout.write(`${stripControlChars(error_message)}\n`);
  }
  if (failed.length === 0) {
    process.stdout.write(`No atom of build ${build} has failed; name an atom to see what it printed.\n`);
  } else if (failed.length > shown.length) {
    process.stdout.write(`${failed.length - shown.length} more atoms failed; name one to see it.\n`);
  }
}

async function failedSoFar(client: MasterClient, build: BuildId): Promise<Atom[]> {
  const failed: Atom[] = [];
  for (let offset = 0; failed.length <= MAX_ATOMS; offset += PAGE) {
    const { atoms } = await client.listAtoms(build, { offset, limit: PAGE });
    failed.push(...atoms.filter(({ state, exit_code }) => state === 'COMPLETED' && exit_code !== 0));
    if (atoms.length < PAGE) {
      break;
    }
  }
  return failed;
}

/**
 * All pages as one.
 * @throws ClusterRunnerError USAGE when the console is too large for one JSON object
 */
async function wholeConsole(client: MasterClient, build: BuildId, atom: AtomId): Promise<ConsolePage> {
  const contents: string[] = [];
  let bytes = 0;
  for (let next = 0; ; ) {
    const page = await client.getConsole(build, atom, { offset_line: next, max_lines: PAGE });
    contents.push(page.content);
    bytes += page.content.length;
    next = page.offset_line + page.num_lines;
    if (next >= page.total_num_lines || page.num_lines === 0) {
      return { ...page, offset_line: 0, num_lines: next, content: contents.join('') };
    }
    requireJsonSize(atom, bytes);
  }
}

/** @throws ClusterRunnerError USAGE */
function requireJsonSize(atom: AtomId, bytes: number): void {
  if (bytes > MAX_JSON_BYTES) {
    throw new ClusterRunnerError(
      'USAGE',
      `The console of atom ${atom} is too large for --json; leave that out, or read it by pages from the API.`,
    );
  }
}

/**
 * Prints the whole console page by page, with `follow` until it is complete. Resolves with whether it has any lines.
 */
async function copyConsole(
  client: MasterClient,
  build: BuildId,
  atom: AtomId,
  follow: boolean,
): Promise<boolean> {
  const out = new ConsoleWriter((text) => process.stdout.write(text), showsColors(process.stdout));
  for (;;) {
    // Requested before the page: a page that is read after the end is complete.
    const isFinal = !follow || (await isComplete(client, build, atom));
    const page = await client.getConsole(build, atom, { offset_line: out.nextLine, max_lines: PAGE });
    if (!isFinal && page.total_num_lines < out.linesSeen) {
      out.restart();
      continue;
    }
    out.write(page);
    const isLastPage = page.offset_line + page.num_lines >= page.total_num_lines;
    if (isLastPage && isFinal) {
      out.end();
      return page.total_num_lines > 0;
    }
    if (isLastPage) {
      await systemClock.sleep(FOLLOW_MS);
    }
  }
}

/** Until the results of an atom have arrived, the master has only what its slave has reported of the console. */
async function isComplete(client: MasterClient, build: BuildId, atom: AtomId): Promise<boolean> {
  const { outcome } = await client.getAtom(build, atom);
  return outcome !== null || (await client.getBuild(build)).status !== 'BUILDING';
}
