import { MasterClient } from '../src/client/index.js';
import { untilEnded } from './support/builds.js';
import { startFleet } from './support/fleet.js';
import { benchOptions } from './support/options.js';
import { Report, type Row } from './support/report.js';
import { startMaster } from './support/service.js';
import { round } from './support/statistics.js';
import { inWorkplace } from './support/workplace.js';

/*
 * Whether an atom costs the master the same in small and large builds. Builds of 10,000 to a million atoms run on simulated
 * slaves that run nothing, each build with a master and a store of its own. The time is from the request to the end of
 * the build, including the preparation.
 *
 *   node dist/bench/atoms.js [--quick] [--json FILE]
 */

const SLAVES = 10;
const EXECUTORS = 4;
const options = benchOptions(1);
const sizes = options.quick ? [100, 1000] : [10_000, 100_000, 1_000_000];
const config = { commands: ['true'], atomizers: [{ TEST: 'list-tests' }] };

async function measure(numAtoms: number): Promise<Row> {
  let row: Row = {};
  await inWorkplace('atoms', async (place) => {
    const master = await startMaster(place.env);
    place.cleanup.add(() => master.stop());
    const client = new MasterClient({ url: master.url, secret: place.secret });
    place.cleanup.add(() => client.close());
    const fleet = await startFleet(place, SLAVES, {
      masterUrl: master.url,
      secret: place.secret,
      numExecutors: EXECUTORS,
      atomSeconds: 0,
      numAtoms,
    });
    const before = master.usage();
    const start = performance.now();
    const project_directory = place.home;
    const { build_id } = await client.createBuild({ type: 'directory', project_directory, config });
    const slept = await fleet.whileAlive(untilEnded(client, build_id));
    const seconds = (performance.now() - start) / 1000;
    const after = master.usage();
    const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
    row = {
      atoms: numAtoms,
      subjobs: slept.num_subjobs,
      'wall s': round(seconds, 1),
      'ms per atom': round((seconds / numAtoms) * 1000, 3),
      'master CPU s': round(cpuSeconds, 1),
      'CPU ms per atom': round((cpuSeconds / numAtoms) * 1000, 3),
      'RSS before MiB': round(before.rssMib, 0),
      'peak RSS MiB': round(after.peakRssMib, 0),
      'fleet CPU s': round(fleet.usage().cpuSeconds, 1),
    };
  });
  return row;
}

const report = new Report('atoms', options);
const rows: Row[] = [];
for (const size of sizes) {
  rows.push(await measure(size));
}
report.table(`Builds of atoms that take no time, ${SLAVES} slaves of ${EXECUTORS} executors`, rows);
// The cost of the start, and of the small groups at the end of a build, hardly counts for these.
report.table(
  'Each atom more than in the build before',
  rows.slice(1).map((row, place) => {
    const more = (column: string) => Number(row[column]) - Number(rows[place]?.[column]);
    return {
      atoms: row.atoms ?? null,
      'wall ms': round((more('wall s') / more('atoms')) * 1000, 3),
      'master CPU ms': round((more('master CPU s') / more('atoms')) * 1000, 3),
      'master CPU ms of a subjob': round((more('master CPU s') / more('subjobs')) * 1000, 2),
    };
  }),
);
report.end();
