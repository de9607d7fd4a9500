import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { fittingReport } from '../../../../../../src/cli/build/results/report/fit-report.js';
import { GatheredAtoms } from '../../../../../../src/cli/build/results/report/report-atoms.js';
import {
  MAX_HTML_BYTES,
  type ReportTarget,
  writeReport,
} from '../../../../../../src/cli/build/results/report/write-report.js';
import { resultPlace } from '../../../../../../src/cli/build/results/result-place.js';
import { ListedAtoms } from '../../../../../../src/dashboard/report/listed-atoms.js';
import type { Build } from '../../../../../../src/protocol/build/build.js';
import type { Atom } from '../../../../../../src/protocol/build/work.js';
import { toId } from '../../../../../../src/protocol/ids.js';
import type { ReportData } from '../../../../../../src/protocol/results/report-data.js';
import { noFacts } from '../../../../../../src/protocol/results/result-facts.js';
import { runningBuild } from '../../../../../support/running-build.js';

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
    cached_from: null,
    not_cached: null,
    error: null,
    ...noFacts,
    ...more,
  };
}

const FAILED = { outcome: 'FAILED', exit_code: 1 } as const;

describe('report.html', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'report-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function ended(failed: readonly Atom[], more: Partial<Build> = {}): Build {
    return {
      ...runningBuild,
      status: 'FAILURE',
      state: 'FINISHED',
      result: 'FAILURE',
      num_atoms_failed: failed.length,
      failed_atoms: [...failed],
      ...more,
    };
  }

  function gathered(atoms: readonly Atom[]): GatheredAtoms {
    const all = new GatheredAtoms(['T']);
    all.add(atoms);
    return all;
  }

  function leave(id: number, console: string): void {
    const folder = join(directory, `artifact_0_${id}`);
    mkdirSync(folder);
    writeFileSync(join(folder, 'clusterrunner_console_output'), console);
    writeFileSync(join(folder, 'clusterrunner_exit_code'), '1\n');
  }

  async function written(
    build: Build,
    atoms: readonly Atom[],
    target: Partial<ReportTarget> = {},
  ): Promise<{ html: string; data: ReportData }> {
    const place = resultPlace(undefined, directory);
    const whole = { directory, place, masterUrl: null, hasResults: true, leftOut: [], ...target };
    await writeReport(build, gathered(atoms), whole, new AbortController().signal);
    const html = readFileSync(join(directory, 'report.html'), 'utf8');
    const [, json = ''] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html) ?? [];
    return { html, data: JSON.parse(json) };
  }

  it('has the failures in groups, with the end of the output and the files of the first', async () => {
    const failed = [0, 1, 2].map((id) => atom(id, FAILED));
    leave(0, 'another\n');
    leave(1, 'before\n\u001b[31mexpected 1 to equal 2\u001b[0m\n');
    leave(2, 'before\nexpected 3 to equal 4\n');
    mkdirSync(join(directory, 'artifact_0_1', 'shots'));
    writeFileSync(join(directory, 'artifact_0_1', 'shots', 'a b.png'), '');
    symlinkSync('/etc/passwd', join(directory, 'artifact_0_1', 'link'));
    const { data } = await written(ended(failed), failed);
    expect(data.groups.map(({ places }) => places)).to.deep.equal([[1, 2], [0]]);
    expect(data.groups[0]).to.deep.equal({
      key: '0',
      num_atoms: 2,
      places: [1, 2],
      lines: ['before', '\u001b[31mexpected 1 to equal 2\u001b[0m'],
      error: null,
      rerun: 'bash build_results/artifact_0_1/clusterrunner_command',
      folder: 'artifact_0_1',
      files: ['shots/a b.png'],
    });
    expect(data.left_out).to.deep.equal([]);
  });

  it('has groups of atoms that printed nothing, were lost, or have no results', async () => {
    const failed = [
      atom(0, FAILED),
      atom(1, FAILED),
      atom(2, FAILED),
      atom(3, { outcome: 'LOST', exit_code: null, error: 'Three slaves were lost.' }),
    ];
    leave(0, '');
    leave(1, '\n');
    const { data } = await written(ended(failed), failed);
    expect(data.groups.map(({ key, num_atoms, error }) => [key, num_atoms, error])).to.deep.equal([
      ['silent', 2, null],
      ['unknown', 1, null],
      ['lost', 1, 'Three slaves were lost.'],
    ]);
  });

  it('names the command that runs failed atoms again at the master, if that goes on', async () => {
    const failed = [atom(0, FAILED)];
    const rerunOf = async (masterUrl: string | null) =>
      (await written(ended(failed), failed, { masterUrl })).data.rerun;
    expect(await rerunOf(null)).to.equal(null);
    expect(await rerunOf('http://localhost:43000')).to.equal('clusterrunner build --rerun-failed 7');
    expect(await rerunOf('https://ci.example.com/cr')).to.equal(
      'clusterrunner build --rerun-failed 7 --master-url https://ci.example.com/cr',
    );
  });

  it('names the other files about the whole build', async () => {
    for (const name of ['junit.xml', 'setup_s1.txt', '.gitignore']) {
      writeFileSync(join(directory, name), '');
    }
    leave(0, '');
    expect((await written(ended([]), [])).data.files).to.deep.equal(['junit.xml', 'setup_s1.txt']);
  });

  it('has atoms that were not compared in a group of their own, at the end', async () => {
    const failed = Array.from({ length: 2005 }, (_, id) => atom(id, FAILED));
    leave(0, 'x\n');
    for (const { id } of failed.slice(2000)) {
      leave(id, 'x\n');
    }
    const { data } = await written(ended(failed), failed);
    expect(data.groups.map(({ key, num_atoms }) => [key, num_atoms])).to.deep.equal([
      ['unknown', 1999],
      ['1', 1],
      ['rest', 5],
    ]);
    expect(data.left_out).to.deep.equal(['The outputs of the first 2,000 failed atoms were compared.']);
  });

  it('names no folders when the results beside it are of another build', async () => {
    leave(0, 'old\n');
    const failed = [atom(0, FAILED)];
    const { data } = await written(ended(failed), failed, { hasResults: false, leftOut: ['So it is.'] });
    expect(new ListedAtoms(data.atoms).atom(0).href).to.equal(null);
    expect(data.groups[0]).to.include({ key: 'unknown', folder: null, rerun: null });
    expect(data.left_out).to.deep.equal(['So it is.']);
  });

  it('has nothing of hostile names and outputs in its markup', async () => {
    const hostile = '</script><!--<script>alert(1)</script>\u2028{{data}}{{script}}$&';
    const failed = [atom(0, { ...FAILED, command_string: `export T='${hostile}';`, slave: hostile })];
    leave(0, `${hostile}\n`);
    const { html, data } = await written(
      ended(failed, { error_message: hostile, request_params: { type: 'directory', job_name: hostile } }),
      failed,
    );
    expect(html).not.to.contain('<script>alert(1)');
    expect(html.match(/<\/script>/g)).to.have.length(2);
    expect(new ListedAtoms(data.atoms).atom(0).label).to.contain('<script>alert(1)</script>');
    expect(data.build.error_message).to.contain('</script>');
  });

  it('has no password of the URL of a project', async () => {
    const request = { type: 'git', url: 'https://me:secret@example.com/a.git' } as const;
    const { html } = await written(ended([], { request_params: request }), []);
    expect(html).to.contain('https://***@example.com/a.git').and.not.contain('secret');
  });

  it('replaces an earlier one, and leaves nothing else behind', async () => {
    writeFileSync(join(directory, 'report.html'), 'an earlier one');
    const { html } = await written(ended([]), []);
    expect(html).to.match(/^<!doctype html>/);
    expect(readdirSync(directory)).to.deep.equal(['report.html']);
  });

  it('leaves out atoms that passed quickly first, then failed ones and outputs, and says so', () => {
    const failed = Array.from({ length: 50 }, (_, id) => atom(id, { ...FAILED, slave: `s${Math.sin(id)}` }));
    const passed = Array.from({ length: 3000 }, (_, id) =>
      atom(100 + id, { command_string: `export T="${Math.sin(id)}";`, actual_time: id }),
    );
    const groups = [{ key: '0', ids: [3], lines: ['x'], error: null, rerun: null, folder: null, files: [] }];
    const parts = {
      build: ended(failed),
      atoms: gathered([...passed, ...failed]),
      groups,
      numGroups: 1,
      rerun: null,
      hasFolder: () => false,
      files: [],
      leftOut: [],
    };
    const fitting = (bytes: number): ReportData => JSON.parse(fittingReport(parts, bytes));
    expect(fitting(1e6).atoms.outcomes).to.have.length(3050);
    const smaller = fitting(40_000);
    const { outcomes, times } = smaller.atoms;
    expect(outcomes)
      .to.have.length.within(100, 3000)
      .and.match(/^f{50}p+$/);
    expect(Math.min(...times.slice(50))).to.be.greaterThan(100 * (3000 - outcomes.length));
    expect(smaller.left_out.join()).to.match(/^\d[\d,]* of 3,050 atoms are listed: those that did not pass/);
    const least = fitting(10);
    expect([least.atoms.outcomes.length, least.groups.length, least.left_out.length]).to.deep.equal([
      0, 0, 2,
    ]);
  });

  it('is never larger than its bound', async () => {
    const long = '<'.repeat(400);
    const all = Array.from({ length: 8000 }, (_, id) =>
      atom(id, { command_string: `export T='${id}${long}';` }),
    );
    const { html } = await written(ended([]), all);
    expect(Buffer.byteLength(html)).to.be.within(MAX_HTML_BYTES / 2, MAX_HTML_BYTES);
  });
});
