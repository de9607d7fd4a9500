import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConsoleSearchQuery, MasterClient } from '../src/client/index.js';
import { toId } from '../src/protocol/ids.js';
import { until } from '../test/support/until.js';
import { benchOptions } from './support/options.js';
import { Report, type Row } from './support/report.js';
import { service, startMaster } from './support/service.js';
import { quantile, round } from './support/statistics.js';
import { inWorkplace } from './support/workplace.js';

/*
 * A search through the whole console of an atom for a text that it does not contain. Other readers send requests meanwhile,
 * and as many without a search, for comparison.
 *
 *   node dist/bench/console-search.js [--quick] [--json FILE]
 */

const build = toId.build(1);
const atom = toId.atom(0);
const READ_EVERY_MS = 10;
const REST_MS = 2000;

const plain =
  'awk \'BEGIN { for (n = 0; ; n++) print "2024-05-01T12:00:" n % 60 " INFO  worker-" n % 16 " handled request " n * 2654435761 % 4294967296 " in " n % 97 " ms" }\'';
const colored =
  'awk \'BEGIN { for (n = 0; ; n++) print "\\033[32m2024-05-01T12:00:" n % 60 "\\033[0m worker-" n % 16 " handled \\033[1mrequest\\033[0m " n * 2654435761 % 4294967296 }\'';

const searches: readonly { readonly name: string; readonly query: ConsoleSearchQuery }[] = [
  { name: 'text', query: { q: 'no such text' } },
  { name: 'text, exact case', query: { q: 'no such text', case: 'true' } },
  { name: 'expression', query: { q: 'request \\d+ in 98 ms$', regex: 'true' } },
];

const options = benchOptions(1);
const mebibytes = options.quick ? 16 : 1024;
const report = new Report('console-search', options);
const rows: Row[] = [];

for (const [kind, command] of Object.entries({ plain, colored })) {
  await inWorkplace('console-search', async (place) => {
    const project = join(place.home, 'project');
    mkdirSync(project);
    const job = {
      Prints: { atomizers: [{ N: 'seq 1' }], commands: [`${command} | head -c ${mebibytes}M || true`] },
    };
    writeFileSync(join(project, 'clusterrunner.yaml'), JSON.stringify(job));
    const master = await startMaster(place.env);
    place.cleanup.add(() => master.stop());
    const slave = await service(['slave', '-m', master.url], /(connected)/, place.env);
    place.cleanup.add(() => slave.stop());
    const client = new MasterClient({ url: master.url, secret: place.secret, timeoutSeconds: 120 });
    place.cleanup.add(() => client.close());
    await client.createBuild({ type: 'directory', project_directory: project, job_name: 'Prints' });
    await until(async () => (await client.getBuild(build)).state === 'FINISHED');
    const rest = await readersDuring(client, () => delay(REST_MS));
    for (const { name, query } of searches) {
      let lines = 0;
      let requests = 0;
      const began = performance.now();
      const reads = await readersDuring(client, async () => {
        for (let isDone = false; !isDone; requests += 1) {
          const part = await client.searchConsole(build, atom, { ...query, from_line: lines });
          lines = part.scanned_to_line;
          isDone = part.done;
        }
      });
      const seconds = (performance.now() - began) / 1000;
      rows.push({
        console: kind,
        search: name,
        lines,
        s: round(seconds, 1),
        'MiB/s': round(mebibytes / seconds, 0),
        requests,
        'readers p50 ms': round(quantile(reads, 0.5), 1),
        'readers p99 ms': round(quantile(reads, 0.99), 1),
        'without p50 ms': round(quantile(rest, 0.5), 1),
        'without p99 ms': round(quantile(rest, 0.99), 1),
        'master RSS MiB': round(master.usage().rssMib, 0),
      });
      process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`);
    }
  });
}
report.table(`A search through a console of ${mebibytes} MiB`, rows);
report.end();

/** Milliseconds of the requests of another reader while `work` goes on. */
async function readersDuring(client: MasterClient, work: () => Promise<unknown>): Promise<number[]> {
  const took: number[] = [];
  let isOver = false;
  const reading = (async () => {
    while (!isOver) {
      const began = performance.now();
      await client.getAtom(build, atom);
      took.push(performance.now() - began);
      await delay(READ_EVERY_MS);
    }
  })();
  await work();
  isOver = true;
  await reading;
  return took;
}
