import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { logNormal, randomOf } from './support/random.js';

/*
 * How near to the limit a small suite with a long tail ends: 200 sleeps of log-normal length on 4 executors of one
 * slave, without and with history, beside max(sum / 4, longest). The sleeps are drawn from a fixed seed.
 *
 *   npm run compile && node dist/bench/lognormal.js [ROUNDS]
 */

const EXECUTORS = 4;
const ATOMS = 200;
const rounds = Number(process.argv[2] ?? 3);
const random = randomOf(5);
const sleeps = Array.from({ length: ATOMS }, () => Math.max(0.02, logNormal(random, 0.15, 1)).toFixed(3));
const times = sleeps.map(Number);
const bound = Math.max(times.reduce((sum, one) => sum + one, 0) / EXECUTORS, ...times);

const binary = fileURLToPath(new URL('../../bin/clusterrunner', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'bench-lognormal-'));
const env = {
  ...process.env,
  CLUSTERRUNNER_BASE_DIRECTORY: join(home, 'base'),
  CLUSTERRUNNER_SLAVE_PORT: '0',
};

/** A process of ours that says on stdout when it is ready. */
async function service(args: readonly string[], ready: RegExp) {
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

/** Seconds from the command to its end, results downloaded. */
function build(project: string, url: string): number {
  const start = process.hrtime.bigint();
  execFileSync(binary, ['build', '-m', url], { cwd: project, env, stdio: ['ignore', 'ignore', 'inherit'] });
  return Number(process.hrtime.bigint() - start) / 1e9;
}

const stops: (() => Promise<void>)[] = [];
try {
  const master = await service(['master', '-p', '0'], /listening on \S+:(\d+)\n/);
  stops.unshift(master.stop);
  const url = `http://127.0.0.1:${master.said}`;
  const slave = await service(['slave', '-m', url, '-e', String(EXECUTORS)], /(connected)/);
  stops.unshift(slave.stop);
  process.stdout.write(`bound ${bound.toFixed(2)} s\nround  first s  ratio  second s  ratio\n`);
  const measured: { first: number; second: number }[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    // A project of another name has no history.
    const project = join(home, `project-${round}`);
    mkdirSync(project);
    writeFileSync(join(project, 'sleeps'), `${sleeps.join('\n')}\n`);
    writeFileSync(
      join(project, 'clusterrunner.yaml'),
      'Bench:\n  commands:\n    - sleep $D\n  atomizers:\n    - D: cat $PROJECT_DIR/sleeps\n',
    );
    const first = build(project, url);
    const second = build(project, url);
    measured.push({ first, second });
    const cells = [first, first / bound, second, second / bound].map((cell) => cell.toFixed(3).padEnd(7));
    process.stdout.write(`${String(round).padEnd(6)} ${cells.join(' ')}\n`);
  }
  process.stdout.write(`${JSON.stringify({ bound, rounds, measured })}\n`);
} finally {
  for (const stop of stops) {
    await stop();
  }
  rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}
