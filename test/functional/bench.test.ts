import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { expect } from 'chai';
import { BENCHES } from '../../bench/support/benches.js';
import { run } from '../support/processes.js';
import { until } from '../support/until.js';

/** Needs a browser and minutes; the tests of the dashboard cover its parts. */
const NOT_RUN = 'dashboard';

const Cell = Type.Union([Type.String(), Type.Number(), Type.Null()]);
const ReportSchema = Type.Object(
  {
    bench: Type.String(),
    quick: Type.Literal(true),
    rounds: Type.Integer({ minimum: 1 }),
    machine: Type.Object({ cpu: Type.String(), cores: Type.Integer(), node: Type.String() }),
    tables: Type.Array(
      Type.Object({
        title: Type.String(),
        rows: Type.Array(Type.Record(Type.String(), Cell), { minItems: 1 }),
      }),
      { minItems: 1 },
    ),
  },
  { additionalProperties: false },
);

describe('npm run bench', function () {
  // The benchmarks are only run, not judged, however busy the machine is.
  this.timeout(600_000);
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'bench-test-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('leaves neither files nor a master behind when it is ended', async () => {
    const bench = fileURLToPath(new URL('../../bench/load.js', import.meta.url));
    const env = { PATH: process.env.PATH ?? '', HOME: directory, TMPDIR: directory };
    const child = spawn(process.execPath, [bench, '--quick'], { cwd: directory, env, stdio: 'ignore' });
    const ended = once(child, 'exit');
    const storeOf = (place: string) => join(directory, place, 'base', 'master', 'master.db');
    await until(() => readdirSync(directory).some((place) => existsSync(storeOf(place))));
    child.kill();
    expect((await ended)[0]).to.equal(128 + constants.signals.SIGTERM);
    expect(readdirSync(directory).filter((name) => name.startsWith('bench-'))).to.deep.equal([]);
  });

  for (const name of BENCHES.filter((one) => one !== NOT_RUN)) {
    it(`${name} measures, prints a table, and writes the same as JSON`, async () => {
      const json = join(directory, `${name}.json`);
      const bench = fileURLToPath(new URL(`../../bench/${name}.js`, import.meta.url));
      const env = { PATH: process.env.PATH ?? '', HOME: directory, TMPDIR: directory };
      const ended = await run(process.execPath, [bench, '--quick', '--json', json], { cwd: directory, env });
      expect(ended.exitCode, ended.stderr).to.equal(0);
      const report: unknown = JSON.parse(readFileSync(json, 'utf8'));
      expect([...Value.Errors(ReportSchema, report)]).to.deep.equal([]);
      expect(report).to.include({ bench: name });
      const [first] = Value.Decode(ReportSchema, report).tables;
      expect(ended.stdout).to.contain(first?.title);
    });
  }
});
