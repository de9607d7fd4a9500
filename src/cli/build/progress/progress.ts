import { durationText } from '../../../lib/text/duration-text.js';
import { cleanLine } from '../../../lib/text/strip-control-chars.js';
import { textStart } from '../../../lib/text/text-ends.js';
import type { Activity } from '../../../protocol/build/activity.js';
import type { Build } from '../../../protocol/build/build.js';

/** A shorter setup is not shown: it would only flicker. */
const LEAST_SETUP_SECONDS = 2;
const MAX_SLAVES_NAMED = 3;
const MAX_NAME = 60;

/** Ages in seconds: of the master's last response, and of its current estimate. */
export interface Age {
  readonly response: number;
  readonly estimate: number;
}

/**
 * The progress of a build as one line, without colors or cursor movement. `elapsed` in seconds. The time left comes first,
 * since it is wanted most when the line has to be cut; with `isCanceling` it is left out, since nothing more will start.
 */
export function progressText(
  build: Build,
  elapsed: number,
  age: Age = { response: 0, estimate: 0 },
  isCanceling = false,
): string {
  const setup = setupText(build, age.response);
  const [longest] = build.activity?.running ?? [];
  const isOnlySetup = build.state === 'BUILDING' && setup !== null && longest === undefined;
  const parts = isCanceling
    ? ['canceling']
    : [...leftText(build, age.estimate), isOnlySetup ? setup : stateText(build)];
  if (build.num_atoms !== null) {
    const cached = build.num_atoms_cached === 0 ? '' : ` (${build.num_atoms_cached} cached)`;
    parts.push(`${build.num_atoms_done}/${build.num_atoms} done${cached}`);
    parts.push(`${build.num_atoms_failed} failed`);
    parts.push(`${build.num_executors} ${build.num_executors === 1 ? 'executor' : 'executors'} busy`);
  }
  parts.push(durationText(elapsed));
  if (build.state === 'BUILDING' && setup !== null && !isOnlySetup) {
    parts.push(setup);
  }
  if (longest !== undefined) {
    const name = fitLine(cleanLine(longest.name), MAX_NAME);
    parts.push(
      `longest: ${name} (${durationText(longest.seconds + age.response)}, ${cleanLine(longest.slave)})`,
    );
  }
  return `Build ${build.id}: ${parts.join(', ')}`;
}

function leftText({ state, seconds_left }: Build, age: number): string[] {
  const left = (seconds_left ?? 0) - age;
  // An estimate that has passed was wrong.
  return state === 'BUILDING' && left > 0 ? [`about ${roughly(left)} left`] : [];
}

/** `setting up on s1, s2, 12 s`; null when no slave does, or not for long. */
function setupText({ activity }: Build, age: number): string | null {
  const slaves = activity?.setting_up ?? [];
  const longest = Math.max(0, ...slaves.map(({ seconds }) => seconds)) + age;
  if (slaves.length === 0 || longest < LEAST_SETUP_SECONDS) {
    return null;
  }
  const names = slaves.slice(0, MAX_SLAVES_NAMED).map(({ slave }) => cleanLine(slave));
  const others = slaves.length > names.length ? [`${slaves.length - names.length} more`] : [];
  return `setting up on ${[...names, ...others].join(', ')}, ${durationText(longest)}`;
}

function stateText({ state, activity }: Build): string {
  switch (state) {
    case 'QUEUED':
      return 'waiting for a slave';
    case 'PREPARING': {
      const [slave] = activity?.setting_up ?? [];
      const where = slave === undefined ? '' : ` on ${cleanLine(slave.slave)}`;
      return `preparing${where} (fetching the project, listing its atoms)`;
    }
    case 'BUILDING':
      return 'running';
    case 'FINISHED':
      return 'finished';
    case 'CANCELED':
      return 'canceled';
    case 'ERROR':
      return 'could not be run';
  }
}

/** An estimate, rounded up: 4 s, 3 min, 2 h 05 min. */
export function roughly(seconds: number): string {
  if (seconds <= 60) {
    return `${Math.ceil(seconds)} s`;
  }
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min` : durationText(minutes * 60);
}

/** ` (12 s, s1)`: how long an atom ran, and where; empty when unknown. */
export function runText(seconds: number | null, slave: string | null): string {
  const facts = [
    ...(seconds === null ? [] : [durationText(seconds)]),
    ...(slave === null ? [] : [cleanLine(slave)]),
  ];
  return facts.length === 0 ? '' : ` (${facts.join(', ')})`;
}

/** Lines about the failures with a higher number than `known`, and the new value of that. */
export function failureLines(
  { failures }: Activity,
  known: number,
): { readonly lines: readonly string[]; readonly known: number } {
  const news = failures.latest.filter(({ number }) => number > known);
  const missed = failures.total - known - news.length;
  const lines = news.map((failure) => {
    const { outcome, name, seconds, slave } = failure;
    return `${outcome} ${cleanLine(name)}${runText(seconds, slave)}`;
  });
  return {
    // None are missed when the numbers are contiguous.
    lines: [
      ...lines,
      ...(missed > 0 ? [`… and ${missed} more ${missed === 1 ? 'has' : 'have'} failed`] : []),
    ],
    known: failures.total,
  };
}

/** Cuts a line so that it does not wrap on a terminal, since a wrapped line cannot be overwritten. */
export function fitLine(text: string, columns: number): string {
  const room = Math.max(1, columns - 1);
  return text.length <= room ? text : `${textStart(text, Math.max(0, room - 1))}…`;
}

/** Seconds between two lines of progress where they cannot be overwritten: longer as the build goes on. */
export function lineInterval(elapsed: number): number {
  return elapsed < 60 ? 5 : elapsed < 600 ? 10 : 30;
}

/** Changes when a new line is worth printing: by state, atoms done, atoms failed, slaves that set up. */
export function progressKey(build: Build, age: Age): string {
  const slaves = (build.activity?.setting_up ?? [])
    .filter(({ seconds }) => seconds + age.response >= LEAST_SETUP_SECONDS)
    .map(({ slave }) => slave);
  return JSON.stringify([
    build.state,
    build.num_atoms,
    build.num_atoms_done,
    build.num_atoms_failed,
    slaves.sort(),
  ]);
}

/** How much of the results has arrived. */
export function fetchText(bytes: number, total: number | null): string {
  const mib = (count: number) => (count / 1024 ** 2).toFixed(1);
  const percent = total === null || total === 0 ? '' : `, ${Math.floor((bytes / total) * 100)}%`;
  return `Fetching the results: ${mib(bytes)}${total === null ? '' : ` of ${mib(total)}`} MiB${percent}`;
}
