import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { expect } from 'chai';
import { BENCHES } from '../../bench/support/benches.js';
import { run } from '../support/processes.js';

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
