import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import type { JobDefinition } from '../../../../src/protocol/build/job.js';
import { reportedJob } from '../../../../src/slave/build/reported-job.js';
import { exitCodesAlone, scriptedTool } from '../../../support/scripted-tool.js';
import { type SubjobRanHere, SubjobsHere } from '../../../support/subjob-here.js';
import { eventually } from '../../../support/wait.js';

const definition: JobDefinition = {
  commands: [scriptedTool],
  atomizers: [{ ATOM: 'cat list' }],
  batch: { size: 20, match: 'file' },
};
const behavior = fc.constantFrom(...Object.entries(exitCodesAlone));
const list = fc.array(behavior, { minLength: 1, maxLength: 6 });

const exitCodes = ({ outcome }: SubjobRanHere) => outcome.verdicts.map(({ exit_code }) => exit_code);

describe('the atoms of a job with batches', () => {
  let subjobs: SubjobsHere;
  beforeEach(() => {
    subjobs = new SubjobsHere();
  });
  afterEach(() => subjobs.remove());

  const run = (values: readonly string[], more: Partial<JobDefinition> = {}, signal?: AbortSignal) =>
    subjobs.run({
      definition: { ...definition, ...more },
      values,
      ...(signal === undefined ? {} : { signal }),
    });
  const folder = (atom: number, ...path: string[]) => join(subjobs.directory, `artifact_0_${atom}`, ...path);

  it('have the verdicts that they have alone, whatever a tool does', async function () {
    this.timeout(120_000);
    await fc.assert(
      fc.asyncProperty(list, async (chosen) => {
        const ran = await run(chosen.map(([name], index) => `t${index} ${name}`));
        expect(exitCodes(ran)).to.deep.equal(chosen.map(([, exitCode]) => exitCode));
        expect(ran.outcome.unfinished).to.deep.equal([]);
      }),
      { numRuns: 15 },
    );
  });

  for (const reusesShells of [true, false]) {
    it(`run by one run of the commands, with shells that are ${reusesShells ? 'kept' : 'started for each run'}`, async () => {
      const count = 'echo x >> runs';
      await subjobs.run({
        definition: { ...definition, commands: [count, scriptedTool] },
        values: ['a pass', 'b fail', 'c pass'],
        reusesShells,
      });
      expect(readFileSync(join(subjobs.root, 'runs'), 'utf8')).to.equal('x\n');
    });
  }

  it('have their part of the report on their console, and the first one the whole output', async () => {
    const { consoles, outcome } = await run(['a pass', 'b fail', 'c fail']);
    expect(consoles[0]).to.match(
      /^a prints\nb prints\nc prints\n\nunit works printed to stdout:\na says more/,
    );
    expect(consoles[1]).to.equal(
      'clusterrunner: this atom runs in a batch of 3 atoms; the output of the batch is on the console of its first one (a pass), and its files are in artifact_0_0/batch.\n' +
        '\nunit works failed:\nb is wrong\ndetails of b\n',
    );
    expect(consoles[2]).not.to.contain('details of b');
    expect(outcome.verdicts[1]?.last_lines).to.match(/details of b$/);
  });

  it('have a report with their own test cases, and the first one the files of the batch', async () => {
    await run(['a pass', 'b fail'], { commands: ['echo 1 > $ARTIFACT_DIR/notes', scriptedTool] });
    expect(readdirSync(folder(0)).toSorted()).to.deep.equal(['batch', 'batch.xml']);
    expect(readdirSync(folder(0, 'batch')).toSorted()).to.deep.equal(['notes', 'report.xml.batch']);
    expect(readdirSync(folder(1))).to.deep.equal(['batch.xml']);
    const own = readFileSync(folder(1, 'batch.xml'), 'utf8');
    expect(own).to.contain('<testsuite name="b fail">').and.to.contain('details of b');
    expect(own).not.to.contain('a says more');
  });

  it('run one at a time, with the same verdicts, on slaves that know no batches', async () => {
    const reported = reportedJob({ name: 'Job', definition }, {});
    expect(reported.definition).not.to.have.property('batch');
    const ran = await subjobs.run({ definition: reported.definition, values: ['a pass', 'b fail'] });
    expect(exitCodes(ran)).to.deep.equal([0, 1]);
    expect(ran.consoles).to.deep.equal(['a prints\n', 'b prints\n']);
  });

  it('run again by themselves when their batch says nothing of them, and say why', async () => {
    const { consoles } = await run(['a pass', 'b unnamed']);
    expect(consoles[1]).to.match(
      /\nclusterrunner: No report of the batch names this atom\. So this atom runs again by itself\.\nb prints\n$/,
    );
    expect(existsSync(folder(1, 'report.xml'))).to.equal(true);
  });

  it('run again by themselves when their batch exits with a failure that no report explains', async () => {
    expect(exitCodes(await run(['a pass', 'b liar', 'c pass']))).to.deep.equal([0, 7, 0]);
  });

  it('run again by themselves when the exit code of their batch denies their failure', async () => {
    expect(exitCodes(await run(['a tolerated', 'b pass']))).to.deep.equal([0, 0]);
  });

  it('run again by themselves when their batch takes longer than its atoms may take together', async () => {
    const ran = await run(['a pass', 'b hang'], { atom_timeout: '1s' });
    expect(exitCodes(ran)).to.deep.equal([0, 124]);
    expect(ran.consoles[1]).to.match(/\nclusterrunner: the atom was ended after 1 s \(atom_timeout\)\.\n$/);
  });

  it('have no verdict when their batch is canceled', async () => {
    const stop = new AbortController();
    const ran = run(['a pass', 'b hang', 'c pass'], { commands: ['touch begun', scriptedTool] }, stop.signal);
    await eventually('the batch runs', () => existsSync(join(subjobs.root, 'begun')));
    stop.abort();
    const { outcome, consoles } = await ran;
    expect(outcome.verdicts).to.deep.equal([]);
    expect(outcome.unfinished.map(({ id }) => id)).to.deep.equal([0, 1, 2]);
    for (const { ran_for } of outcome.unfinished) {
      expect(ran_for).to.be.a('number');
    }
    expect(consoles[2]).to.match(/clusterrunner: the atom was ended after .* m?s; it had not finished\.\n$/);
  });

  it('are reported as running together, the first one last, and are shown one after another when they have ended', async () => {
    const { progress, outcome } = await run(['a pass', 'b pass']);
    expect(progress.map(({ id, state }) => `${id} ${state}`)).to.deep.equal([
      '1 IN_PROGRESS',
      '0 IN_PROGRESS',
      '0 COMPLETED',
      '1 COMPLETED',
    ]);
    const [first, second] = outcome.verdicts;
    const gap = (second?.began ?? 0) - (first?.began ?? 0);
    expect(gap).to.be.closeTo(first?.actual_time ?? 0, 0.01);
    expect(gap).to.be.at.least(0.25);
  });

  it('get their values as lines of $ATOMS_FILE, and a batch of one its variable too', async () => {
    const commands = [
      `printf "%s:%s\\n" "\${ATOM-none}" "$(tr "\\n" , < "$ATOMS_FILE")" >> seen`,
      '! grep -q two "$ATOMS_FILE"',
    ];
    await run(['one  with blanks', "two 'quoted' $(not run)"], { commands });
    expect(readFileSync(join(subjobs.root, 'seen'), 'utf8').split('\n')).to.deep.equal([
      "none:one  with blanks,two 'quoted' $(not run),",
      'one  with blanks:one  with blanks,',
      "two 'quoted' $(not run):two 'quoted' $(not run),",
      '',
    ]);
  });

  it('do not pass by a report that the command copies from an earlier run with its time', async () => {
    writeFileSync(
      join(subjobs.root, 'earlier.xml'),
      '<testsuite><testcase name="x" file="a"/><testcase name="y" file="b"/></testsuite>',
    );
    utimesSync(join(subjobs.root, 'earlier.xml'), 1, 1);
    const commands = ['cp -p earlier.xml $ARTIFACT_DIR/report.xml', `[ "\${ATOM-a}" = a ]`];
    expect(exitCodes(await run(['a', 'b'], { commands }))).to.deep.equal([0, 1]);
  });

  it('do not pass when their batch has removed its folder, or made it unreadable', async () => {
    for (const spoil of ['rm -rf "$ARTIFACT_DIR"', 'rm -rf "$ARTIFACT_DIR"; ln -s / "$ARTIFACT_DIR"']) {
      const commands = [`[ -n "\${ATOM-}" ] || { ${spoil}; }`, `[ -z "\${ATOM-}" ]`];
      expect(exitCodes(await run(['a', 'b'], { commands })), spoil).to.deep.equal([1, 1]);
    }
  });
});
