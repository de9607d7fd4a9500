import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { AtomMatcher } from '../../../../src/slave/batch/atom-matcher.js';
import { readBatchReports } from '../../../../src/slave/batch/read-batch-reports.js';

const passed = '<testcase classname="c" name="n" file="a" time="0.5"/>';
const failed =
  '<testcase classname="c" name="m" file="b"><failure message="wrong">  at b:1\n</failure></testcase>';

describe('the reports of a batch', () => {
  let folder: string;
  let madeAt: number;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'batch-'));
    madeAt = statSync(folder).mtimeMs;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const put = (name: string, content: string) => {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), content);
  };
  const suite = (...cases: string[]) => `<testsuite name="all">${cases.join('')}</testsuite>`;
  const read = () => readBatchReports(folder, madeAt, new AtomMatcher('file', ['a', 'b'], []), 2);

  it('are counted together, in any folder, and other files are not', async () => {
    put('one.xml', suite(passed, failed));
    put('deep/er/two.XML', suite(passed, '<testcase file="a"><skipped/></testcase>'));
    put('page.xml', '<html><testcase file="a"><failure/></testcase></html>');
    put('notes.txt', suite('<testcase file="a"><failure/></testcase>'));
    const { findings, reports } = await read();
    expect(findings).to.deep.equal({
      atoms: [
        { passed: 2, failed: 0, skipped: 1, seconds: 1, doubtful: 0 },
        { passed: 0, failed: 1, skipped: 0, seconds: 0, doubtful: 0 },
      ],
      strayFailures: 0,
      problem: null,
    });
    expect(reports.map(({ path }) => path)).to.deep.equal(
      ['deep/er/two.XML', 'one.xml'].map((name) => join(folder, name)),
    );
  });

  it('give each atom the texts of its failures and output, a message once', async () => {
    const repeated = '<failure message="wrong">it is wrong here</failure>';
    put(
      'one.xml',
      suite(
        failed,
        `<testcase classname="c" name="o" file="b">${repeated}<system-out>said</system-out></testcase>`,
      ),
    );
    expect((await read()).texts).to.deep.equal([
      '',
      '\nc m failed:\nwrong\nat b:1\n\nc o failed:\nit is wrong here\n\nc o printed to stdout:\nsaid\n',
    ]);
  });

  it('give an atom no more text than fits, however much there is', async () => {
    const loud = `<testcase file="b"><failure/><system-out>${'x'.repeat(100_000)}</system-out></testcase>`;
    put('one.xml', suite(...Array<string>(20).fill(loud)));
    const { texts } = await read();
    expect(texts[1]?.length).to.be.within(1000, 32 * 1024);
  });

  it('count a failure that names no atom, or a suite that states one without test cases', async () => {
    put('one.xml', suite(passed, '<testcase file="c"><error/></testcase>'));
    put('two.xml', '<testsuite name="all" failures="2"><testcase file="a"/></testsuite>');
    expect((await read()).findings.strayFailures).to.equal(2);
  });

  it('pass over times that are none', async () => {
    const times = ['-5', 'NaN', 'Infinity', '', 'soon', '1e300'];
    put('one.xml', suite(...times.map((time) => `<testcase file="a" time="${time}"/>`)));
    expect((await read()).findings.atoms[0]?.seconds).to.be.within(0, 1e9);
  });

  for (const [what, content, problem] of [
    ['is cut', suite(passed).slice(0, -5), /^The report "one\.xml" of the batch is not readable: .*\.$/],
    ['is empty', '', /is not readable: it is empty\.$/],
    ['declares entities', `<!DOCTYPE a [<!ENTITY b "c">]>${suite(passed)}`, /it declares entities/],
    ['has two roots', suite(passed) + suite(failed), /something follows the end of the report/],
  ] as const) {
    it(`have a problem when one ${what}`, async () => {
      put('one.xml', content);
      put('two.xml', suite(passed));
      expect((await read()).findings.problem).to.match(problem);
    });
  }

  it('have a problem when one is older than the batch, of which nothing counts', async () => {
    put('one.xml', suite(failed));
    utimesSync(join(folder, 'one.xml'), 1, 1);
    const { findings } = await read();
    expect(findings.problem).to.equal('The report "one.xml" was written before the batch began.');
    expect(findings.atoms[1]?.failed).to.equal(0);
  });

  it('have a problem when one is too large', async () => {
    put('one.xml', suite(passed));
    truncateSync(join(folder, 'one.xml'), 33 * 1024 ** 2);
    expect((await read()).findings.problem).to.match(/is not readable/);
  });

  it('are not read through links', async () => {
    const elsewhere = `${folder}-elsewhere.xml`;
    writeFileSync(elsewhere, suite(passed));
    symlinkSync(elsewhere, join(folder, 'one.xml'));
    symlinkSync('/', join(folder, 'root'));
    expect((await read()).findings.atoms[0]?.passed).to.equal(0);
    rmSync(elsewhere);
  });

  it('have a problem when a folder cannot be searched', async function () {
    if (process.getuid?.() === 0) {
      this.skip();
    }
    put('closed/one.xml', suite(failed));
    chmodSync(join(folder, 'closed'), 0);
    const { problem } = (await read()).findings;
    chmodSync(join(folder, 'closed'), 0o700);
    expect(problem).to.match(/was not searched for reports/);
  });
});
