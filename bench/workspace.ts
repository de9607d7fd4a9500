import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/lib/clock.js';
import { openWorkspace } from '../src/project/workspace/open-workspace.js';
import { toId } from '../src/protocol/ids.js';
import { GitProject } from '../test/support/project.js';
import { benchOptions } from './support/options.js';
import { Report, type Row } from './support/report.js';
import { round } from './support/statistics.js';

/*
 * The time of a slave for a checkout of many files: a new one for each build, compared with one that is reused. Each round
 * is a commit that changes one file; opening and releasing are timed, alternating, with an existing mirror.
 *
 *   node dist/bench/workspace.js [--quick] [--json FILE] [--rounds N]
 */

const options = benchOptions(3);
const report = new Report('workspace', options);
const files = options.quick ? 200 : 20_000;
const parent = realpathSync(mkdtempSync(join(tmpdir(), 'bench-workspace-')));

async function timed(root: string, url: string, build: number, workspacesKept: number): Promise<number> {
  const start = process.hrtime.bigint();
  const workspace = await openWorkspace({
    project: { type: 'git', url, remote: 'origin', branch: null, hash: null, project_directory: null },
    remoteFiles: [],
    buildId: toId.build(build),
    root,
    gitStrictHostKeyChecking: false,
    workspacesKept,
    remoteFileLimits: { remoteFileMaxBytes: 1024 ** 2, remoteFilesTimeout: 60 },
    random: () => 0,
    env: { PATH: process.env.PATH ?? '', HOME: parent },
    relay: null,
    warn: (message) => console.error(message),
    signal: new AbortController().signal,
    clock: systemClock,
  });
  // As a build would.
  writeFileSync(join(workspace.projectDirectory, 'left'), '');
  await workspace.release();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

try {
  const content = Array.from({ length: files }, (_, file) => [
    `d${file % 200}/f${file}`,
    `${file}\n`.repeat(50),
  ]);
  const project = await GitProject.create(join(parent, 'origin'), Object.fromEntries(content));
  const cold = join(parent, 'cold');
  const warm = join(parent, 'warm');
  await timed(cold, project.url, 1, 0);
  await timed(warm, project.url, 1, 1);
  const rows: Row[] = [];
  for (let turn = 2; turn < 2 + options.rounds; turn += 1) {
    await project.commit({ changed: `${turn}\n` });
    rows.push({
      'new, s': round(await timed(cold, project.url, turn, 0), 2),
      'used again, s': round(await timed(warm, project.url, turn, 1), 2),
    });
  }
  report.table(`The checkout of ${files} files, and its release`, rows);
  report.end();
} finally {
  rmSync(parent, { recursive: true });
}
