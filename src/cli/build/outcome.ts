import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Static, Type } from '@sinclair/typebox';
import { atomName } from '../../job/atom-name.js';
import { type Build, buildState, buildStatus } from '../../protocol/build/build.js';
import { RevisionSchema } from '../../protocol/build/revision.js';
import { type Atom, AtomSchema } from '../../protocol/build/work.js';
import { atomFolder, type BuildId, BuildIdSchema } from '../../protocol/ids.js';
import { CONSOLE_FILE } from '../../protocol/results/archive-names.js';
import { resultFacts } from '../../protocol/results/result-facts.js';
import { literals, Nullable } from '../../protocol/shapes.js';
import { consoleEnd } from './results/console-end.js';

const AtomOutcomeSchema = Type.Object(
  {
    id: AtomSchema.properties.id,
    name: Type.String({
      description: 'Its value; `NAME=value` where the atoms of the build set several variables.',
    }),
    outcome: AtomSchema.properties.outcome,
    exit_code: AtomSchema.properties.exit_code,
    seconds: Nullable(Type.Number({ description: 'How long it ran.' })),
    slave: AtomSchema.properties.slave,
    error: AtomSchema.properties.error,
    directory: Nullable(
      Type.String({ description: 'Absolute path of the folder of its results; null where there is none.' }),
    ),
    console_end: Nullable(
      Type.String({
        description: `The last lines that it printed, without control characters, for the first hundred; \`${CONSOLE_FILE}\` in \`directory\` has all.`,
      }),
    ),
  },
  { additionalProperties: false },
);

/** The one JSON object that `build --json` prints, however the command ends. */
export const BuildOutcomeSchema = Type.Object(
  {
    exit_code: Type.Integer({
      description: 'What the command exits with: 0 passed, 1 failed, 2 could not be run, 130 interrupted.',
    }),
    error: Nullable(
      Type.String({
        description:
          'A message that says why there is no verdict, or what is missing beside it (results, the copy of the report); null when nothing is.',
      }),
    ),
    interrupted: Type.Boolean({ description: 'Whether the command was interrupted (Ctrl-C, SIGTERM).' }),
    seconds: Type.Number({ description: 'How long the command took.' }),
    build_id: Nullable(BuildIdSchema),
    url: Nullable(
      Type.String({ description: 'Of the build in the API; null when its master ended with the command.' }),
    ),
    page: Nullable(
      Type.String({
        description:
          'Of the build in a browser; null at a master without such pages, and when its master ended with the command.',
      }),
    ),
    status: Nullable(literals(buildStatus)),
    state: Nullable(literals(buildState)),
    result: Nullable(literals(['SUCCESS', 'FAILURE'] as const)),
    revision: Nullable(RevisionSchema),
    results: Nullable(
      Type.String({
        description: 'Absolute path of the folder of the results; null when they are not there.',
      }),
    ),
    report: Nullable(
      Type.String({
        description:
          'Absolute path of the report for browsers, also of a build without results; null when it could not be written.',
      }),
    ),
    num_atoms: Nullable(Type.Integer()),
    num_atoms_done: Type.Integer({ description: 'Those that have a verdict.' }),
    num_atoms_failed: Type.Integer({ description: 'Those whose verdict is a failure, with the lost ones.' }),
    num_atoms_lost: Type.Integer({ description: 'Those whose slaves were lost while they ran.' }),
    num_atoms_flaky: Type.Integer({ description: 'Those that failed, and passed when they were run again.' }),
    num_atoms_cached: Type.Integer({
      description: 'Those that count as passed without a run, since they have passed with the same inputs.',
    }),
    tests: resultFacts.tests,
    failed_atoms: Type.Array(AtomOutcomeSchema),
    flaky_atoms: Type.Array(AtomOutcomeSchema, { description: '`directory` has the first failure.' }),
    interrupted_atoms: Type.Array(AtomOutcomeSchema, {
      description: 'Those that were running when the build was ended, longest first.',
    }),
  },
  { additionalProperties: false },
);
export type BuildOutcome = Static<typeof BuildOutcomeSchema>;

/** The facts that a command has gathered about its build so far. */
export interface OutcomeSoFar {
  id: BuildId | null;
  /** Set when the build has ended. */
  build: Build | null;
  url: string | null;
  page: string | null;
  /** The folder of the results. */
  results: string | null;
  /** The report for browsers. */
  report: string | null;
  interrupted: boolean;
  /** Says which results are missing although there is a verdict. */
  problem: string | null;
}

export function emptyOutcome(): OutcomeSoFar {
  return {
    id: null,
    build: null,
    url: null,
    page: null,
    results: null,
    report: null,
    interrupted: false,
    problem: null,
  };
}

export interface CommandOutcome {
  readonly exitCode: number;
  /** The error that ended the command. */
  readonly error: string | null;
  readonly seconds: number;
}

const MOST_CONSOLES = 100;

/** The JSON of a build; the ends of consoles are read from the results. */
export function outcomeOf(
  { id, build, url, page, results, report, interrupted, problem }: OutcomeSoFar,
  end: CommandOutcome,
): BuildOutcome {
  const atoms = (list: readonly Atom[] | null | undefined) =>
    (list ?? []).map((atom, index) =>
      atomOutcome(atom, build?.atom_variables ?? [], results, index < MOST_CONSOLES),
    );
  return {
    exit_code: end.exitCode,
    error: end.error ?? problem,
    interrupted,
    seconds: end.seconds,
    build_id: id,
    url,
    page,
    status: build?.status ?? null,
    state: build?.state ?? null,
    result: build?.result ?? null,
    revision: build?.revision ?? null,
    results,
    report,
    num_atoms: build?.num_atoms ?? null,
    num_atoms_done: build?.num_atoms_done ?? 0,
    num_atoms_failed: build?.num_atoms_failed ?? 0,
    num_atoms_lost: build?.num_atoms_lost ?? 0,
    num_atoms_flaky: build?.num_atoms_flaky ?? 0,
    num_atoms_cached: build?.num_atoms_cached ?? 0,
    tests: build?.tests ?? null,
    failed_atoms: atoms(build?.failed_atoms),
    flaky_atoms: atoms(build?.flaky_atoms),
    interrupted_atoms: atoms(build?.interrupted_atoms),
  };
}

function atomOutcome(
  atom: Atom,
  variables: readonly string[],
  results: string | null,
  showsConsole: boolean,
): BuildOutcome['failed_atoms'][number] {
  const folder = results === null ? null : join(results, atomFolder(atom.subjob_id, atom.id));
  const directory = folder !== null && existsSync(folder) ? folder : null;
  const end = directory !== null && showsConsole ? consoleEnd(join(directory, CONSOLE_FILE), false) : null;
  return {
    id: atom.id,
    name: atomName(atom.command_string, variables),
    outcome: atom.outcome,
    exit_code: atom.exit_code,
    seconds: atom.actual_time,
    slave: atom.slave,
    error: atom.error,
    directory,
    console_end: end === null ? null : end.lines.join('\n'),
  };
}
