import { setTimeout as delay } from 'node:timers/promises';
import { MasterClient } from '../src/client/index.js';
import { type BuildId, toId } from '../src/protocol/ids.js';
import { type Fleet, startFleet } from './support/fleet.js';
import { benchOptions } from './support/options.js';
import { Report } from './support/report.js';
import { type Service, startMaster } from './support/service.js';
import { quantile, round } from './support/statistics.js';
import { inWorkplace } from './support/workplace.js';

/*
 * A busy master: how long an executor that has become free waits for its next atom, and how long a reader of the API waits.
 * The latter is compared with the same requests to the same master when its slaves are idle.
 *
 *   node dist/bench/load.js [--quick] [--json FILE] [--slaves N] [--seconds N]
 *
 * At the start all slaves register at once. At the end the master is killed and started again, and all come back at once.
 * For both storms the bench shows how long it takes until each slave has work. CLUSTERRUNNER_SUSPECT_AFTER sets
 * `suspect_after`; what the suspicions and the duplicates were is shown beside.
 *
 * A hand-out is measured from the moment in which an executor of a slave has nothing to run to the response with work;
 * there is always work. It begins when the slave knows that the executor is free, so it includes the lateness of the
 * process that simulates all slaves, which is shown beside it. The slaves do not poll ahead: like real ones without a
 * history, they do not know when their atoms will end.
 */

const ASK_EVERY_MS = 50;
const config = { commands: ['true'], atomizers: [{ TEST: 'list-tests' }] };
/** How long the master may take until each slave has work. */
const STORM_MS = 120_000;
const LOOK_EVERY_MS = 100;
const options = benchOptions(1, 1, ['slaves', 'seconds']);
const ofSlaves = (slaves: number, seconds: number) => ({
  slaves,
  executors: 10,
  atomSeconds: 10,
  seconds: options.numberOf('seconds') ?? seconds,
});
const chosen = options.numberOf('slaves');
const sizes = options.quick
  ? [{ slaves: 5, executors: 2, atomSeconds: 1, seconds: 3 }]
  : chosen === undefined
    ? [ofSlaves(100, 20), ofSlaves(300, 20), ofSlaves(1000, 40)]
    : [ofSlaves(chosen, 20)];
const report = new Report('load', options);

/** Milliseconds of each request, sent one after another for a while. */
async function probe(client: MasterClient, build: BuildId, seconds: number) {
  const took = { build: [] as number[], list: [] as number[], atoms: [] as number[] };
  const timed = async (times: number[], call: () => Promise<unknown>) => {
    const start = performance.now();
    await call();
    times.push(performance.now() - start);
  };
  for (const until = performance.now() + seconds * 1000; performance.now() < until; ) {
    await timed(took.build, () => client.getBuild(build));
    await timed(took.list, () => client.listBuilds({ limit: 100 }));
    await timed(took.atoms, () => client.listAtoms(build, { offset: 1000, limit: 100 }));
    await delay(ASK_EVERY_MS);
  }
  return took;
}

function readers(load: string, took: Awaited<ReturnType<typeof probe>>) {
  return Object.entries(took).map(([what, times]) => ({
    master: load,
    request: { build: 'GET build/:id', list: 'GET build', atoms: 'GET build/:id/atom (100)' }[what] ?? what,
    requests: times.length,
    'p50 ms': round(quantile(times, 0.5), 1),
    'p99 ms': round(quantile(times, 0.99), 1),
    'most ms': round(Math.max(...times), 1),
  }));
}

/** Whether each slave got work since the last reset, within STORM_MS. */
async function untilAllWork(fleet: Fleet, slaves: number): Promise<boolean> {
  for (const until = performance.now() + STORM_MS; performance.now() < until; ) {
    if ((await fleet.measured()).slavesWithWork === slaves) {
      return true;
    }
    await delay(LOOK_EVERY_MS);
  }
  return false;
}

/** Waits for the end of a storm. */
async function storm(name: string, began: number, fleet: Fleet, master: Service, slaves: number) {
  const isOver = await untilAllWork(fleet, slaves);
  const seconds = isOver ? round((performance.now() - began) / 1000, 1) : null;
  const { handOuts, p99, ownDelayP99 } = await fleet.measured();
  return {
    storm: name,
    'all slaves work after s': seconds,
    'hand-outs': handOuts,
    'p99 ms': Number.isNaN(p99) ? null : round(p99, 0),
    'of it fleet late p99 ms': round(ownDelayP99, 1),
    'master CPU s': round(master.usage().cpuSeconds, 1),
  };
}

/** Values of counters in the text of `GET /v1/metrics`. */
async function countersOf(url: string): Promise<(name: string) => number> {
  const text = await (await fetch(`${url}/v1/metrics`)).text();
  return (name) => Number(new RegExp(`^clusterrunner_${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}

for (const { slaves, executors, atomSeconds, seconds } of sizes) {
  await inWorkplace('load', async (place) => {
    let master = await startMaster(place.env);
    place.cleanup.add(() => master.stop());
    const { url } = master;
    const client = new MasterClient({ url, secret: place.secret, timeoutSeconds: 120 });
    place.cleanup.add(() => client.close());
    const project_directory = place.home;
    const create = () => client.createBuild({ type: 'directory', project_directory, config });
    // Without history a build of four atoms for each executor is handed out atom by atom.
    const numAtoms = 4 * slaves * executors;
    const startedAt = performance.now();
    const fleet = await startFleet(place, slaves, {
      masterUrl: url,
      secret: place.secret,
      numExecutors: executors,
      atomSeconds,
      numAtoms,
    });
    // Registered first, so that atoms are grouped for all slaves.
    const builds: BuildId[] = [];
    for (let left = 6 * atomSeconds + seconds; left > -4 * atomSeconds; left -= 4 * atomSeconds) {
      builds.push((await create()).build_id);
    }
    const build = builds[0] ?? toId.build(1);
    const storms = [await storm('start', startedAt, fleet, master, slaves)];
    // The first atoms end when all executors have begun.
    await delay(atomSeconds * 2000);
    await fleet.reset();
    const before = { master: master.usage(), fleet: fleet.usage(), at: performance.now() };
    const busy = await probe(client, build, seconds);
    const measured = await fleet.measured();
    const wall = (performance.now() - before.at) / 1000;
    const after = { master: master.usage(), fleet: fleet.usage() };
    const count = await countersOf(url);
    await master.kill();
    await fleet.reset();
    const killedAt = performance.now();
    master = await startMaster(place.env, Number(master.said));
    storms.push(await storm('killed and started again', killedAt, fleet, master, slaves));
    await fleet.stop();
    const idle = await probe(client, build, options.quick ? 1 : 5);
    const cpu = after.master.cpuSeconds - before.master.cpuSeconds;
    const name = `${slaves} x ${executors}`;
    report.table(`${slaves} slaves of ${executors} executors, atoms of ${atomSeconds} s: hand-outs`, [
      {
        slaves: name,
        'aim 1/s': round((slaves * executors) / atomSeconds, 0),
        'hand-outs 1/s': round(measured.handOuts / wall, 0),
        'p50 ms': round(measured.p50, 1),
        'p99 ms': round(measured.p99, 1),
        'of it fleet late p99 ms': round(measured.ownDelayP99, 1),
        'master CPU %': round((cpu / wall) * 100, 0),
        'CPU ms per atom': round((cpu / measured.handOuts) * 1000, 2),
        'fleet CPU %': round(((after.fleet.cpuSeconds - before.fleet.cpuSeconds) / wall) * 100, 0),
        'master peak RSS MiB': round(after.master.peakRssMib, 0),
        suspicions: count('suspicions_total'),
        duplicates: count('duplicates_started_total'),
      },
    ]);
    report.table(`${slaves} slaves of ${executors} executors: all of them at once`, storms);
    report.table(`${slaves} slaves of ${executors} executors: readers`, [
      ...readers('idle', idle),
      ...readers('busy', busy),
    ]);
  });
}
report.end();
