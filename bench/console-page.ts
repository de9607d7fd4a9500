import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PathAliases } from '../src/lib/text/path-aliases.js';
import { Redactor } from '../src/lib/text/redactor.js';
import { readArchivedConsole } from '../src/master/consoles/archived.js';
import { toId } from '../src/protocol/ids.js';
import { writeArchive } from '../src/slave/archive/write-archive.js';
import { SubjobConsoles } from '../src/slave/console/subjob-consoles.js';
import { benchOptions } from './support/options.js';
import { Report, type Row } from './support/report.js';
import { median, quantile, round } from './support/statistics.js';

/*
 * The time for a page of fifty lines of consoles of 1 MiB to 1 GiB in the archive of a finished atom: it should be the same
 * for all.
 *
 *   node dist/bench/console-page.js [--quick] [--json FILE]
 */

const PAGES = 200;
const LINES = 50;
const atom = toId.atom(0);

function* lines(mebibytes: number): Generator<Buffer> {
  const line = (n: number) => `${n} ${((n * 2_654_435_761) >>> 0).toString(36)} lorem ipsum dolor sit amet\n`;
  let number = 0;
  for (let written = 0; written < mebibytes * 1024 * 1024; ) {
    const chunk = Array.from({ length: 2000 }, () => line(number++)).join('');
    written += chunk.length;
    yield Buffer.from(chunk);
  }
}

const options = benchOptions(1);
const report = new Report('console-page', options);
const rows: Row[] = [];
const home = mkdtempSync(join(tmpdir(), 'bench-'));
try {
  for (const mebibytes of options.quick ? [1, 16] : [1, 16, 256, 1024]) {
    const path = join(home, `artifact_${mebibytes}_0`);
    mkdirSync(path);
    const consoles = new SubjobConsoles(
      join(home, 'consoles'),
      Number.MAX_SAFE_INTEGER,
      new Redactor([]),
      new PathAliases([]),
    );
    const recorded = consoles.begin(atom);
    for (const chunk of lines(mebibytes)) {
      recorded.write(chunk);
    }
    recorded.end();
    const archive = join(home, `${mebibytes}.tar.gz`);
    const folder = {
      atom,
      path,
      name: `artifact_${mebibytes}_0`,
      console: { name: 'console', recorded },
      added: [],
    };
    const index = await writeArchive([folder], archive);
    consoles.close();
    rmSync(path, { recursive: true });
    const [console] = index.consoles;
    if (console === undefined) {
      throw new Error('The archive has no console.');
    }
    const times: number[] = [];
    for (let page = 0; page < PAGES; page += 1) {
      const offsetLine = Math.floor((console.lines * page) / PAGES);
      const start = performance.now();
      await readArchivedConsole(archive, index, console, { offsetLine, maxLines: LINES });
      times.push(performance.now() - start);
    }
    rows.push({
      'console MiB': mebibytes,
      lines: console.lines,
      'page ms': round(median(times), 2),
      'p99 ms': round(quantile(times, 0.99), 2),
    });
  }
  report.table(`A page of ${LINES} lines`, rows);
} finally {
  rmSync(home, { recursive: true });
}
report.end();
