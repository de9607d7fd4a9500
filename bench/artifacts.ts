import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { MasterClient } from '../src/client/index.js';
import { PathAliases } from '../src/lib/text/path-aliases.js';
import { Redactor } from '../src/lib/text/redactor.js';
import { toId } from '../src/protocol/ids.js';
import { writeArchive } from '../src/slave/archive/write-archive.js';
import { SubjobConsoles } from '../src/slave/console/subjob-consoles.js';
import { untilEnded } from './support/builds.js';
import { benchOptions } from './support/options.js';
import { Report } from './support/report.js';
import { service, startMaster } from './support/service.js';
import { median, round } from './support/statistics.js';
import { inWorkplace, type Workplace } from './support/workplace.js';

/*
 * Throughput of artifacts from a slave to the client, in a build whose atoms each copy a file of a mebibyte into their
 * results. The time is from the request to the last byte of the downloaded archive, compared with `tar cz` and `cp` of the
 * same files. Half of each file is random, half is text, so that it can be compressed in part.
 *
 *   node dist/bench/artifacts.js [--quick] [--json FILE] [--rounds N]
 */

const MIB = 1024 * 1024;
const options = benchOptions(3);
const numAtoms = options.quick ? 10 : 1000;
const report = new Report('artifacts', options);

async function writeSamples(folder: string): Promise<void> {
  mkdirSync(folder);
  for (let number = 0; number < numAtoms; number += 1) {
    const file = await open(join(folder, String(number)), 'w');
    await file.write(randomBytes(MIB / 2));
    await file.write(Buffer.alloc(MIB / 2, `${number} the quick brown fox jumps over the lazy dog\n`));
    await file.close();
  }
}

/** Seconds. */
function byHand(place: Workplace, samples: string): number {
  const to = mkdtempSync(join(place.home, 'by-hand-'));
  const start = performance.now();
  execFileSync('tar', ['czf', join(to, 'all.tar.gz'), '-C', samples, '.']);
  execFileSync('cp', [join(to, 'all.tar.gz'), join(to, 'copy.tar.gz')]);
  const wall = (performance.now() - start) / 1000;
  rmSync(to, { recursive: true });
  return wall;
}

/** Seconds of the slave's packing alone. */
async function packing(place: Workplace, samples: string): Promise<number> {
  const to = mkdtempSync(join(place.home, 'packing-'));
  const consoles = new SubjobConsoles(
    join(to, 'consoles'),
    Number.MAX_SAFE_INTEGER,
    new Redactor([]),
    new PathAliases([]),
  );
  const start = performance.now();
  for (let number = 0; number < numAtoms; number += 1) {
    const path = mkdtempSync(join(to, 'atom-'));
    execFileSync('cp', [join(samples, String(number)), join(path, 'file')]);
    const folder = {
      atom: toId.atom(number),
      path,
      name: `artifact_0_${number}`,
      console: { name: 'console', recorded: consoles.begin(toId.atom(number)) },
      added: [],
    };
    await writeArchive([folder], join(to, `${number}.tar.gz`));
  }
  const wall = (performance.now() - start) / 1000;
  rmSync(to, { recursive: true });
  return wall;
}

await inWorkplace('artifacts', async (place) => {
  const samples = join(place.home, 'samples');
  await writeSamples(samples);
  const master = await startMaster(place.env);
  place.cleanup.add(() => master.stop());
  const slave = await service(['slave', '-m', master.url, '-e', '2'], /(connected)/, place.env);
  place.cleanup.add(() => slave.stop());
  const client = new MasterClient({ url: master.url, secret: place.secret, timeoutSeconds: 120 });
  place.cleanup.add(() => client.close());

  const throughCluster = async () => {
    const start = performance.now();
    const { build_id } = await client.createBuild({
      type: 'directory',
      project_directory: samples,
      config: {
        commands: ['cp "$PROJECT_DIR/$N" "$ARTIFACT_DIR/file"'],
        atomizers: [{ N: `seq 0 ${numAtoms - 1}` }],
      },
    });
    const file = join(place.home, 'downloaded.tar.gz');
    const { stream } = await client.followArtifacts(build_id);
    const downloaded = pipeline(stream, createWriteStream(file));
    await untilEnded(client, build_id);
    const built = performance.now();
    await downloaded;
    const end = performance.now();
    rmSync(file);
    return { wall: (end - start) / 1000, download: (end - built) / 1000 };
  };

  const rounds: {
    hand: number;
    packing: number;
    cluster: number;
    download: number;
    cpu: number;
    slaveCpu: number;
  }[] = [];
  let rssGrowth = 0;
  for (let turn = 0; turn < options.rounds; turn += 1) {
    const hand = byHand(place, samples);
    const packed = await packing(place, samples);
    const before = master.usage();
    const slaveBefore = slave.usage();
    const { wall, download } = await throughCluster();
    const after = master.usage();
    if (turn === 0) {
      rssGrowth = after.peakRssMib - before.rssMib;
    }
    const cpu = after.cpuSeconds - before.cpuSeconds;
    const slaveCpu = slave.usage().cpuSeconds - slaveBefore.cpuSeconds;
    rounds.push({ hand, packing: packed, cluster: wall, download, cpu, slaveCpu });
  }
  const middle = (of: (one: (typeof rounds)[number]) => number) => round(median(rounds.map(of)), 2);
  report.table(`${numAtoms} atoms of 1 MiB, ${options.rounds} rounds, median`, [
    { what: 'tar cz + cp', s: middle(({ hand }) => hand) },
    { what: 'cp + pack, as a slave does', s: middle(({ packing: packed }) => packed) },
    { what: 'through the cluster', s: middle(({ cluster }) => cluster) },
    { what: '  of it the download, after the last verdict', s: middle(({ download }) => download) },
    { what: '  CPU of the master', s: middle(({ cpu }) => cpu) },
    { what: '  CPU of the slave, its atoms not with it', s: middle(({ slaveCpu }) => slaveCpu) },
  ]);
  report.table('Beside each other', [
    {
      'cluster over tar cz + cp': middle(({ cluster, hand }) => cluster / hand),
      'growth of the master MiB': round(rssGrowth, 0),
    },
  ]);
});
report.end();
