import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/*
 * What large results cost: one atom of each kind, on a master, a slave and a client that are processes of their own, and
 * the most memory that each of them ever had (VmHWM of Linux).
 *
 *   node dist/bench/large-results.js [--quick] [WORD]
 *
 * --quick takes a tenth of the sizes; WORD only the kinds whose names have it.
 */

const quick = process.argv.includes('--quick');
const part = quick ? 10 : 1;
const word = process.argv.slice(2).find((given) => !given.startsWith('-')) ?? '';
const binary = fileURLToPath(new URL('../../bin/clusterrunner', import.meta.url));
const MIB = 1024 ** 2;
const PORT = 45_000 + (process.pid % 1000);
const MOST_MIB = 200;

interface Kind {
  readonly name: string;
  /** Shell text. */
  readonly command: string;
}

const mib = (count: number) => Math.round(count / part);
const kinds: readonly Kind[] = [
  { name: 'nothing', command: 'true' },
  {
    name: `${mib(2048)} MiB of artifacts`,
    command: `head -c ${mib(2048)}M /dev/urandom > "$ARTIFACT_DIR/large"`,
  },
  { name: `${mib(1024)} MiB of zeros, sparse`, command: `truncate -s ${mib(1024)}M "$ARTIFACT_DIR/sparse"` },
  {
    name: `${mib(1024)} MiB printed`,
    command: `yes 'a line of output that goes on' | head -c ${mib(1024)}M || true`,
  },
  {
    name: `${100_000 / part} files`,
    command: `cd "$ARTIFACT_DIR" && seq -f 'file-%06g' ${100_000 / part} | xargs touch`,
  },
  {
    name: `${20_000 / part} JUnit files`,
    command: `cd "$ARTIFACT_DIR" && for n in $(seq ${20_000 / part}); do echo "<testsuite><testcase name='a$n' time='1'/></testsuite>" > $n.xml; done`,
  },
];

interface Row {
  readonly atom: string;
  readonly seconds: number;
  readonly archiveMib: number;
  /** MiB. */
  readonly master: number;
  readonly slave: number;
  readonly client: number;
}

const rows: Row[] = [];
for (const kind of kinds.filter(({ name }) => name.includes(word))) {
  const row = await measure(kind);
  console.log(JSON.stringify(row));
  rows.push(row);
}
console.table(rows);
console.log(JSON.stringify({ quick, rows }));
const most = Math.max(...rows.flatMap(({ master, slave, client }) => [master, slave, client]));
if (most >= MOST_MIB) {
  console.error(`A process has needed ${most} MiB; ${MOST_MIB} are allowed.`);
  process.exitCode = 1;
}

/** With processes of its own, so that none has the peak of another kind. */
async function measure({ name, command }: Kind): Promise<Row> {
  const home = mkdtempSync(join(tmpdir(), 'bench-'));
  const base = join(home, 'base');
  const project = join(home, 'project');
  mkdirSync(project);
  // JSON is YAML.
  const job = { Large: { atomizers: [{ N: 'seq 1' }], commands: [command] } };
  writeFileSync(join(project, 'clusterrunner.yaml'), JSON.stringify(job));
  const env = { ...process.env, CLUSTERRUNNER_BASE_DIRECTORY: base };
  const start = (...args: readonly string[]) =>
    spawn(binary, args, { cwd: project, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const master = start('master', '-p', String(PORT));
  await once(master.stdout, 'data');
  const slave = start('slave', '-m', `http://localhost:${PORT}`, '-p', '0');
  try {
    await once(slave.stdout, 'data');
    const began = process.hrtime.bigint();
    const client = start('build', '-q', '-m', `http://localhost:${PORT}`);
    client.stdout.resume();
    let clientPeak = 0;
    const ended = once(client, 'exit');
    for (let isOver = false; !isOver; ) {
      isOver = await Promise.race([ended.then(() => true), sleep(50, false)]);
      clientPeak = Math.max(clientPeak, peakOf(client.pid));
    }
    if (client.exitCode !== 0) {
      throw new Error(`The build of "${name}" ended with ${client.exitCode}.`);
    }
    return {
      atom: name,
      seconds: Math.round(Number(process.hrtime.bigint() - began) / 1e8) / 10,
      archiveMib: Math.round(archiveBytes(join(base, 'master', 'results', '1')) / MIB),
      master: peakOf(master.pid),
      slave: peakOf(slave.pid),
      client: clientPeak,
    };
  } finally {
    for (const process of [slave, master]) {
      const gone = once(process, 'exit');
      process.kill('SIGTERM');
      await gone;
    }
    rmSync(home, { recursive: true, force: true });
  }
}

/** MiB; 0 when the process is gone. */
function peakOf(pid: number | undefined): number {
  try {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Math.round(Number(kib ?? 0) / 1024);
  } catch (error) {
    if (error instanceof Error && 'code' in error) {
      return 0;
    }
    throw error;
  }
}

function archiveBytes(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}
