import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { ReportAtomList } from '../../../../../src/cli/build/results/report-atoms.js';
import { fittingData, writeReport } from '../../../../../src/cli/build/results/report-file.js';
import type { Build } from '../../../../../src/protocol/build/build.js';
import type { Atom } from '../../../../../src/protocol/build/work.js';
import { toId } from '../../../../../src/protocol/ids.js';
import type { ReportData } from '../../../../../src/protocol/report-data.js';
import { noFacts } from '../../../../../src/protocol/results/result-facts.js';
import { runningBuild } from '../../../../support/running-build.js';

function atom(id: number, more: Partial<Atom> = {}): Atom {
  return {
    id: toId.atom(id),
    subjob_id: toId.subjob(0),
    command_string: `export T="name ${id}";`,
    state: 'COMPLETED',
    outcome: 'PASSED',
    slave: 's1',
    num_retries: 0,
    exit_code: 0,
    expected_time: null,
    actual_time: 1,
    started_at: null,
    error: null,
    ...noFacts,
    ...more,
  };
}

const FAILED = { outcome: 'FAILED', exit_code: 1 } as const;

describe('report.html', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'clusterrunner-report-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function build(failed: readonly Atom[]): Build {
    return {
      ...runningBuild,
      state: 'FINISHED',
      result: 'FAILURE',
      failed_atoms: [...failed],
      atom_variables: ['T'],
    };
  }

  function listOf(atoms: readonly Atom[]): ReportAtomList {
    const list = new ReportAtomList(['T']);
    list.add(atoms);
    return list;
  }

  function leave(id: number, console: string): void {
    const folder = join(directory, `artifact_0_${id}`);
    mkdirSync(folder);
    writeFileSync(join(folder, 'clusterrunner_console_output'), console);
    writeFileSync(join(folder, 'clusterrunner_exit_code'), '1\n');
  }

  function unpack(data: string): ReportData {
    return JSON.parse(gunzipSync(Buffer.from(data, 'base64')).toString());
  }

  it('has the failures in groups, with the ends of outputs and the files of the first', async () => {
    const failed = [0, 1, 2].map((id) => atom(id, FAILED));
    leave(0, 'before\nexpected 1 to equal 2\n');
    leave(1, 'before\nexpected 3 to equal 4\n');
    leave(2, 'another\n');
    symlinkSync('/etc/passwd', join(directory, 'artifact_0_0', 'link'));
    const { failures, notes } = unpack(await fittingData(build(failed), listOf(failed), directory, 1e6));
    expect(failures.map(({ names }) => names)).to.deep.equal([['name 0', 'name 1'], ['name 2']]);
    expect(failures[0]).to.deep.include({
      num_atoms: 2,
      lines: ['before', 'expected 1 to equal 2'],
      exit_code: 1,
      folder: 'artifact_0_0',
      files: ['clusterrunner_console_output', 'clusterrunner_exit_code'],
    });
    expect(notes).to.deep.equal([]);
  });

  it('says of a lost atom what has happened, which has no folder', async () => {
    const lost = atom(0, { outcome: 'LOST', exit_code: null, error: 'Three slaves were lost.' });
    const { failures } = unpack(await fittingData(build([lost]), listOf([lost]), directory, 1e6));
    expect(failures[0]).to.deep.include({
      outcome: 'LOST',
      lines: ['Three slaves were lost.'],
      folder: null,
      files: [],
    });
  });

  it('leaves out atoms that passed first, then failed ones and outputs, and says so', async () => {
    const failed = Array.from({ length: 50 }, (_, id) => atom(id, { ...FAILED, slave: `s${Math.sin(id)}` }));
    const passed = Array.from({ length: 5000 }, (_, id) =>
      atom(100 + id, { command_string: `export T="${Math.sin(id)} ${Math.cos(id)}";` }),
    );
    const list = listOf([...passed, ...failed]);
    const whole = await fittingData(build(failed), list, directory, 1e9);
    expect(unpack(whole).atoms.ids).to.have.length(5050);
    const smaller = unpack(await fittingData(build(failed), list, directory, whole.length - 1));
    expect(smaller.atoms.ids).to.have.length(50);
    expect(smaller.notes).to.deep.equal([
      '50 of 5050 atoms are listed, so that this file does not get too large.',
    ]);
    const least = unpack(await fittingData(build(failed), list, directory, 10));
    expect([least.atoms.ids.length, least.failures.length, least.notes.length]).to.deep.equal([0, 0, 2]);
  });

  it('has nothing of hostile names and outputs in its markup', async () => {
    const hostile = '</script><!--<script>alert(1)</script>\u0000{{script}}$&';
    const failed = [atom(0, { ...FAILED, command_string: `export T="${hostile}";`, slave: hostile })];
    leave(0, `${hostile}\n`);
    await writeReport(build(failed), listOf(failed), directory);
    const html = readFileSync(join(directory, 'report.html'), 'utf8');
    expect(html).to.not.contain('alert(1)');
    const [, data = ''] = /<script type="text\/plain" id="data">([A-Za-z0-9+/=]+)<\/script>/.exec(html) ?? [];
    expect(unpack(data).failures[0]?.names[0]).to.contain('alert(1)');
    expect(html.match(/<\/script>/g)).to.have.length(2);
  });
});
