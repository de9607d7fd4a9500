import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * What ClusterRunner itself costs: atoms that do nothing, beside xargs; the time from the command to the first atom's
 * start with nothing running; the time of --help. Alternating, in one run, because machines are noisy.
 *
 *   npm run bench [-- ROUNDS]
 */

const ATOMS = 1000;
const rounds = Number(process.argv[2] ?? 5);
const binary = fileURLToPath(new URL('../../bin/clusterrunner', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'bench-'));
const project = join(home, 'project');

const env = {
  ...process.env,
  CLUSTERRUNNER_BASE_DIRECTORY: join(home, 'base'),
  CLUSTERRUNNER_SLAVE_PORT: '0',
  // No master of this machine is to be found by chance.
  CLUSTERRUNNER_MASTER_PORT: '1',
};

function seconds(action: () => void): number {
  const start = process.hrtime.bigint();
  action();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

function run(file: string, args: readonly string[], cwd = project, stdin?: string): void {
  execFileSync(file, args, {
    cwd,
    env,
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'ignore', 'inherit'],
    input: stdin,
  });
}

function writeJob(command: string, atoms: number): void {
  execFileSync('mkdir', ['-p', project]);
  const job = `Bench:\n  commands:\n    - "${command}"\n  atomizers:\n    - N: seq 1 ${atoms}\n`;
  writeFileSync(join(project, 'clusterrunner.yaml'), job);
}

/** A process of ours that says on stdout when it is ready. */
async function service(
  args: readonly string[],
  ready: RegExp,
): Promise<{ said: string; stop(): Promise<void> }> {
  const child = spawn(binary, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  let said = '';
  for await (const chunk of child.stdout) {
    said += String(chunk);
    const line = ready.exec(said)?.[1];
    if (line !== undefined) {
      const stop = async () => {
        child.kill('SIGTERM');
        await ended;
      };
      return { said: line, stop };
    }
  }
  throw new Error(`clusterrunner ${args.join(' ')} ended before it was ready.`);
}

function toFirstAtom(): number {
  writeJob(`date +%s.%N > $ARTIFACT_DIR/started`, 1);
  const start = Date.now() / 1000;
  run(binary, ['build']);
  const results = join(project, 'build_results');
  const [folder = ''] = readdirSync(results);
  return Number(readFileSync(join(results, folder, 'started'), 'utf8')) - start;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

const measured: Record<string, number[]> = {};
function note(what: string, value: number): void {
  measured[what] = [...(measured[what] ?? []), value];
}

try {
  writeJob(':', ATOMS);
  const master = await service(['master', '-p', '0'], /listening on \S+:(\d+)\n/);
  const url = `http://127.0.0.1:${master.said}`;
  const slave = await service(['slave', '-m', url, '-e', '2'], /(connected)/);
  const list = `${Array.from({ length: ATOMS }, (_, n) => n + 1).join('\n')}\n`;
  for (let round = 0; round < rounds; round += 1) {
    writeJob(':', ATOMS);
    note(
      `${ATOMS} atoms of ":", 2 executors`,
      seconds(() => run(binary, ['build', '-m', url])),
    );
    note(
      `seq ${ATOMS} | xargs -P2 -n1 bash -c :`,
      seconds(() => run('xargs', ['-P2', '-n1', 'bash', '-c', ':'], project, list)),
    );
    note('build with nothing running, to the first atom', toFirstAtom());
    note(
      '--help',
      seconds(() => run(binary, ['--help'])),
    );
  }
  await slave.stop();
  await master.stop();
  const [cpu] = cpus();
  process.stdout.write(
    `${cpu?.model ?? 'unknown CPU'}, ${availableParallelism()} cores, Node ${process.version}\n`,
  );
  process.stdout.write(`${rounds} rounds; seconds: median (least to most)\n`);
  for (const [what, values] of Object.entries(measured)) {
    const range = `${Math.min(...values).toFixed(3)} to ${Math.max(...values).toFixed(3)}`;
    process.stdout.write(`${median(values).toFixed(3).padStart(8)}  ${what}  (${range})\n`);
  }
  process.stdout.write(`${JSON.stringify({ rounds, measured })}\n`);
} finally {
  rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}
