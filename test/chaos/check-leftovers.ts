import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '../../src/lib/error-code.js';
import { processEntry } from '../../src/process/containment/process-table.js';
import { processesWith } from '../support/processes.js';
import type { Diary } from './diary.js';
import { within } from './pause.js';
import type { StoreFacts } from './store-facts.js';
import { MARKER, type World } from './world.js';

const PATIENCE_SECONDS = 45;
/** For the watchdog that ends the processes of a killed slave. */
const WATCHDOG_SECONDS = 20;

/** Nothing is left in folders for work in progress. */
export async function checkFiles(world: World, diary: Diary): Promise<void> {
  const passing = [
    join(world.root, 'master', 'master', 'incoming'),
    ...world.slaves.flatMap(({ directory }) =>
      slavesIn(directory).flatMap((slave) => ['outbox', 'work', 'builds'].map((name) => join(slave, name))),
    ),
    ...[world.root, ...world.slaves.map(({ directory }) => directory)].map((directory) =>
      join(directory, 'tmp'),
    ),
    join(world.root, 'master', 'tmp'),
  ];
  const left = () => passing.flatMap(filesIn);
  if (!(await within(PATIENCE_SECONDS, () => left().length === 0))) {
    diary.violation(`Files are left although everything has ended: ${left().slice(0, 20).join(', ')}.`);
  }
}

/** The master keeps exactly the results that it accepted. */
export function checkResults(world: World, facts: StoreFacts, diary: Diary): void {
  const results = join(world.root, 'master', 'master', 'results');
  const kept = new Set(filesIn(results).map((path) => path.slice(results.length + 1)));
  // An archive's list of entries lies beside it.
  const orphans = [...kept].filter(
    (name) => !facts.delivered.has(name.replace(/\.entries$/, '.tar.gz')) && !facts.kept.has(name),
  );
  const missing = [...facts.delivered].filter((name) => !kept.has(name));
  if (orphans.length > 0) {
    diary.violation(`The master keeps results that it never accepted: ${orphans.join(', ')}.`);
  }
  if (missing.length > 0) {
    diary.violation(`The master lacks results that it accepted: ${missing.join(', ')}.`);
  }
}

/** For running masters and slaves: the only process left of those that they started is the watchdog of each slave. */
export async function checkProcessesOfBuilds(world: World, diary: Diary): Promise<void> {
  const own = new Set(world.services.map(({ pid }) => String(pid)));
  const others = () =>
    [...processesWith(MARKER, world.mark), ...daemonsOf(world)].filter(
      (line) => !own.has(line.split(' ')[0] ?? '') && !isWatchdog(line),
    );
  if (!(await within(WATCHDOG_SECONDS, () => others().length === 0))) {
    diary.violation(`Processes outlive their builds:\n  ${others().join('\n  ')}`);
  }
}

/**
 * Processes of atoms that have cleared their environment, including the mark, are found by the folder of their
 * project.
 */
function daemonsOf(world: World): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => processEntry(Number(pid)) !== null)
    .map((pid) => `${pid} ${commandLine(pid)}`)
    .filter((line) => line.includes(`chaos-daemon ${world.root}`));
}

/** Empty for a process that ended meanwhile. */
function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ');
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ESRCH')) {
      return '';
    }
    throw error;
  }
}

/** After everything was stopped. */
export async function checkNoProcesses(world: World, diary: Diary): Promise<void> {
  const left = () => [...processesWith(MARKER, world.mark), ...daemonsOf(world)];
  if (!(await within(WATCHDOG_SECONDS, () => left().length === 0))) {
    diary.violation(`Processes outlive master and slaves:\n  ${left().join('\n  ')}`);
  }
  for (const line of left()) {
    process.kill(Number.parseInt(line, 10), 'SIGKILL');
  }
}

function isWatchdog(line: string): boolean {
  return line.includes('sh -c') && line.includes('read -r what root');
}

function slavesIn(directory: string): string[] {
  const slaves = join(directory, 'slaves');
  return existsSync(slaves) ? readdirSync(slaves).map((name) => join(slaves, name)) : [];
}

/** Also counts folders directly in `directory`. */
function filesIn(directory: string): string[] {
  if (!existsSync(directory)) {
    return [];
  }
  const isResults = directory.endsWith('results');
  return readdirSync(directory, { recursive: isResults, withFileTypes: true })
    .filter((entry) => !isResults || !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
}
