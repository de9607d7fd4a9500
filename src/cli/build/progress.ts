import { textStart } from '../../lib/text-ends.js';
import type { Build } from '../../protocol/build.js';

/** Text of the progress of a build, without colour or cursor movement. `elapsed` in seconds. */
export function progressText(build: Build, elapsed: number): string {
  const parts = [stateText(build)];
  if (build.num_atoms !== null) {
    parts.push(`${build.num_atoms_done}/${build.num_atoms} done`);
    parts.push(`${build.num_atoms_failed} failed`);
    parts.push(`${build.num_executors} ${build.num_executors === 1 ? 'executor' : 'executors'} busy`);
  }
  parts.push(duration(elapsed));
  if (build.seconds_left !== null && build.state === 'BUILDING') {
    parts.push(`about ${duration(build.seconds_left)} left`);
  }
  return `Build ${build.id}: ${parts.join(', ')}`;
}

function stateText(build: Build): string {
  switch (build.state) {
    case 'QUEUED':
      return 'waiting for a slave';
    case 'PREPARING':
      return 'preparing (fetching the project, listing its atoms)';
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

/** 0.4 s, 12 s, 3 min 05 s, 2 h 05 min. */
export function duration(seconds: number): string {
  if (seconds < 10) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  if (whole < 60) {
    return `${whole} s`;
  }
  if (whole < 3600) {
    return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  }
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}

/** A build on a terminal's line: cut so that it never wraps, because a wrapped line cannot be overwritten. */
export function fitLine(text: string, columns: number): string {
  const room = Math.max(1, columns - 1);
  return text.length <= room ? text : `${textStart(text, Math.max(0, room - 1))}…`;
}

/** How far apart lines of progress stand where they cannot be overwritten, in seconds. */
export const LINE_INTERVAL = 5;

/** What makes a new line worth printing in a log: the state, what is done, what failed. */
export function progressKey(build: Build): string {
  return `${build.state} ${build.num_atoms} ${build.num_atoms_done} ${build.num_atoms_failed}`;
}

/** How much of the results has come. */
export function fetchText(bytes: number, total: number | null): string {
  const mib = (count: number) => (count / 1024 ** 2).toFixed(1);
  const percent = total === null || total === 0 ? '' : `, ${Math.floor((bytes / total) * 100)}%`;
  return `Fetching the results: ${mib(bytes)}${total === null ? '' : ` of ${mib(total)}`} MiB${percent}`;
}
