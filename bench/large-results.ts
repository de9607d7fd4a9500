import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  opendirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { benchOptions } from './support/options.js';
import { Report, type Row } from './support/report.js';
import { binary, service, startMaster } from './support/service.js';
import { round } from './support/statistics.js';
import { usageOf } from './support/usage.js';
import { inWorkplace, type Workplace } from './support/workplace.js';

/*
 * Peak memory with large results: one atom of each kind, on a master, a slave and a client that are processes of their own.
 * The target is less than 200 MiB in each. It also checks that all files of the atom are in the folder of the results, or
 * named there as left out.
 *
 *   node dist/bench/large-results.js [--quick] [--json FILE] [--rounds N]
 */

const MIB = 1024 ** 2;
const LOOKS_EVERY_MS = 50;
/** An ended process has nothing in /proc, or a status without memory. */
const GONE = /ENOENT|ESRCH|shows no Vm/;

const options = benchOptions(1);
const part = options.quick ? 100 : 1;
const report = new Report('large-results', options);

interface Kind {
  readonly name: string;
  /** Shell text. */
  readonly command: string;
  /** Files that the atom leaves beside its console. */
  readonly files: number;
  /** Bytes of these and of the console. */
  readonly bytes: number;
}

const mib = (count: number) => Math.ceil(count / part);
const count = (files: number) => files / part;
const REPORT = '<testsuite><testcase name="a" time="1"/></testsuite>';
const kinds: readonly Kind[] = [
  { name: 'nothing', command: 'true', files: 0, bytes: 0 },
  {
    name: `${mib(2048)} MiB of artifacts`,
    command: `head -c ${mib(2048)}M /dev/urandom > "$ARTIFACT_DIR/large"`,
    files: 1,
    bytes: mib(2048) * MIB,
  },
  {
    name: `${mib(4096)} MiB of zeros, sparse`,
    command: `truncate -s ${mib(4096)}M "$ARTIFACT_DIR/sparse"`,
    files: 1,
    bytes: mib(4096) * MIB,
  },
  {
    name: `${mib(1024)} MiB printed`,
    command: `yes 'a line of output that goes on' | head -c ${mib(1024)}M || true`,
    files: 0,
    bytes: mib(1024) * MIB,
  },
  {
    name: `${count(100_000)} files`,
    command: `cd "$ARTIFACT_DIR" && seq -f 'file-%06g' ${count(100_000)} | xargs touch`,
    files: count(100_000),
    bytes: 0,
  },
  {
    name: `${count(20_000)} JUnit reports`,
    command: `cd "$ARTIFACT_DIR" && for n in $(seq ${count(20_000)}); do printf '%s' '${REPORT}' > $n.xml; done`,
    files: count(20_000),
    bytes: count(20_000) * REPORT.length,
  },
];

const rows: Row[] = [];
// Each starts a cluster of its own: few are enough to show whether this works.
for (const kind of options.quick ? kinds.filter(({ files }) => files > 1) : kinds) {
  for (let turn = 0; turn < options.rounds; turn += 1) {
    // With processes of its own, so that each has the peak of this kind only.
    await inWorkplace('large-results', async (place) => {
      rows.push(await measure(kind, place));
    });
  }
  process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`);
}
report.table('One atom that leaves or prints so much; most memory of each process', rows);
report.end();

async function measure(kind: Kind, place: Workplace): Promise<Row> {
  const project = join(place.home, 'project');
  mkdirSync(project);
  // JSON is YAML.
  const job = { Large: { atomizers: [{ N: 'seq 1' }], commands: [kind.command] } };
  writeFileSync(join(project, 'clusterrunner.yaml'), JSON.stringify(job));
  const master = await startMaster(place.env);
  place.cleanup.add(() => master.stop());
  const slave = await service(['slave', '-m', master.url], /(connected)/, place.env);
  place.cleanup.add(() => slave.stop());
  const began = performance.now();
  const client = await build(master.url, project, place);
  const seconds = (performance.now() - began) / 1000;
  return {
    atom: kind.name,
    s: round(seconds, 1),
    'archive MiB': round(bytesIn(join(place.home, 'base', 'master', 'results', '1')) / MIB, 1),
    results: outcome(kind, join(project, 'build_results', 'artifact_0_0')),
    'master MiB': round(master.usage().peakRssMib, 0),
    'slave MiB': round(slave.usage().peakRssMib, 0),
    'client MiB': round(client, 0),
  };
}

/** Resolves with the most memory of the client, MiB. @throws Error unless the build is a success */
async function build(url: string, cwd: string, { env }: Workplace): Promise<number> {
  const args = [binary, 'build', '-q', '-m', url];
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(child, 'exit').then(() => true);
  let most = 0;
  for (let isOver = false; !isOver; isOver = await Promise.race([ended, sleep(LOOKS_EVERY_MS, false)])) {
    most = Math.max(most, peakOf(child.pid ?? 0));
  }
  if (child.exitCode !== 0) {
    throw new Error(`The build ended with ${child.exitCode ?? child.signalCode}.`);
  }
  return most;
}

/** MiB; 0 when the process is gone. */
function peakOf(pid: number): number {
  try {
    return usageOf(pid).peakRssMib;
  } catch (error) {
    if (error instanceof Error && GONE.test(error.message)) {
      return 0;
    }
    throw error;
  }
}

/** Whether all files of the atom are there, or what its notes say. @throws Error when one is missing without a note */
function outcome(kind: Kind, folder: string): string {
  const notes = join(folder, 'clusterrunner_notes');
  if (existsSync(notes)) {
    return `${readFileSync(notes, 'utf8').split('\n').length - 1} notes`;
  }
  const own = /^clusterrunner_(?!console_output$)/;
  const directory = opendirSync(folder);
  let files = -1;
  let bytes = 0;
  for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
    if (!own.test(entry.name)) {
      files += 1;
      bytes += statSync(join(folder, entry.name)).size;
    }
  }
  directory.closeSync();
  if (files !== kind.files || bytes !== kind.bytes) {
    throw new Error(`Of "${kind.name}" came ${files} files and ${bytes} bytes, and no notes.`);
  }
  return 'whole';
}

function bytesIn(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}
