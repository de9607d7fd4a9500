import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/lib/clock.js';
import { openWorkspace } from '../src/project/open-workspace.js';
import { toId } from '../src/protocol/ids.js';
import { GitProject } from '../test/support/project.js';

/*
 * What a checkout of many files costs a slave: a new one for each build, beside one that is used again. Each round is a
 * commit that changes one file; opening and releasing are timed, alternating, with the mirror there already.
 *
 *   npm run compile && node dist/bench/workspace.js [FILES [ROUNDS]]
 */

const files = Number(process.argv[2] ?? 20_000);
const rounds = Number(process.argv[3] ?? 3);
const parent = realpathSync(mkdtempSync(join(tmpdir(), 'bench-workspace-')));

async function timed(root: string, url: string, build: number, workspacesKept: number): Promise<number> {
  const start = process.hrtime.bigint();
  const workspace = await openWorkspace({
    project: { type: 'git', url, remote: 'origin', branch: null, hash: null, project_directory: null },
    remoteFiles: [],
    buildId: toId.build(build),
    root,
    strictHostKeyChecking: false,
    workspacesKept,
    remoteFileLimits: { maxBytes: 1024 ** 2, timeoutSeconds: 60 },
    random: () => 0,
    env: { PATH: process.env.PATH ?? '', HOME: parent },
    relay: null,
    warn: (sentence) => console.error(sentence),
    signal: new AbortController().signal,
    clock: systemClock,
  });
  // What a build leaves.
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
  const rows: { cold: number; warm: number }[] = [];
  for (let round = 2; round < 2 + rounds; round += 1) {
    await project.commit({ changed: `${round}\n` });
    rows.push({
      cold: await timed(cold, project.url, round, 0),
      warm: await timed(warm, project.url, round, 1),
    });
  }
  console.log(`Seconds for the checkout of ${files} files, and its release`);
  console.table(rows);
  console.log(JSON.stringify({ files, rows }));
} finally {
  rmSync(parent, { recursive: true });
}
