import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { type AtomSuite, MergedReport, type ReportFile } from '../../../src/junit/merged-report.js';
import { readReport } from '../../../src/junit/read-report.js';
import { PathAliases } from '../../../src/lib/text/path-aliases.js';
import { stripInvisible } from '../../../src/lib/text/strip-control-chars.js';

describe('MergedReport', () => {
  let directory: string;
  let target: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'junit-'));
    target = join(directory, 'junit.xml');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function file(name: string, content: string): ReportFile {
    const path = join(directory, name);
    writeFileSync(path, content);
    return { path, name };
  }

  const suite = (given: Partial<AtomSuite>): AtomSuite => ({
    name: 'N=1',
    className: 'Unit',
    hostname: null,
    seconds: 1.5,
    properties: {},
    files: [],
    paths: new PathAliases([]),
    ownCase: () => null,
    ...given,
  });

  function merge(...suites: readonly AtomSuite[]): string {
    const merged = new MergedReport(target, 'Unit, build 7');
    for (const one of suites) {
      merged.add(one);
    }
    merged.close();
    return readFileSync(target, 'utf8');
  }

  it('has no characters that reorder or hide text, whoever wrote them', () => {
    const report = file(
      'a.xml',
      '<testsuite><testcase name="exe\u202etxt\u200b.&#x2028;&#x9b;x"/></testsuite>',
    );
    const text = merge(suite({ name: 'N=\u2066a\u2069', files: [report] }));
    expect(text).to.contain('name="exetxt.x"').and.to.contain('name="N=a"');
  });

  it('replaces paths by aliases in attributes, names of suites and texts, wherever a text is cut', () => {
    const path = '/base/builds/1';
    const filler = 'x'.repeat(200_000);
    const report = file(
      'a.xml',
      `<testsuites><testsuite name="${path}/s"><testcase name="a" classname="C" file="${path}/a.js"><failure message="in ${path}:3">${filler}<![CDATA[/base/bu]]>ilds/1/a.js</failure></testcase>` +
        `<testcase name="b" classname="C"><failure>/base/builds/12</failure><system-out>${path}</system-out></testcase></testsuite></testsuites>`,
    );
    const paths = new PathAliases([{ path, alias: '$PROJECT_DIR' }]);
    const text = merge(suite({ files: [report], paths })).replace(filler, '');
    expect(text)
      .to.contain('file="$PROJECT_DIR/a.js"')
      .and.contain('<failure message="in $PROJECT_DIR:3">$PROJECT_DIR/a.js</failure>')
      .and.contain('<failure>/base/builds/12</failure><system-out>$PROJECT_DIR</system-out>');
    expect(text.replaceAll('/base/builds/12', '')).not.to.contain(path);
  });

  it('has the slave of each atom and the tested revision, as far as known', () => {
    const text = merge(suite({ hostname: 'slave-1', properties: { branch: 'a<b' } }), suite({ name: 'N=2' }));
    expect(text).to.match(
      /<testsuite name="N=1" hostname="slave-1" [^>]*>\n<properties><property name="branch" value="a&lt;b"\/>/,
    );
    expect(text).to.match(/<testsuite name="N=2" tests=/);
  });

  it('has the unchanged test cases of all reports of an atom in one suite', () => {
    const inner =
      '<testcase classname="a.B" name="x &amp; &quot;y&quot;&#10;" time="0.25"><failure message="no">a &lt; b</failure></testcase>';
    const first = file(
      'a.xml',
      `<testsuites><testsuite name="s"><properties/>${inner}</testsuite></testsuites>`,
    );
    const second = file(
      'b.xml',
      '<testsuite name="outer"><testcase name="z" time="1"><skipped/></testcase></testsuite>',
    );
    const text = merge(
      suite({ files: [first, second] }),
      suite({ name: 'N=2', ownCase: () => ({ verdict: 'passed', message: '', output: '' }) }),
    );
    expect(text.replace(/^ +\n/m, '').split('\n')).to.deep.equal([
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<testsuites name="Unit, build 7" tests="3" failures="1" errors="0" skipped="1" time="3.000">',
      '<testsuite name="N=1" tests="2" failures="1" errors="0" skipped="1" time="1.500">',
      inner,
      '<testcase classname="outer" name="z" time="1"><skipped></skipped></testcase>',
      '</testsuite>',
      '<testsuite name="N=2" tests="1" failures="0" errors="0" skipped="0" time="1.500">',
      '<testcase classname="Unit" name="N=2" time="1.500"></testcase>',
      '</testsuite>',
      '</testsuites>',
      '',
    ]);
    expect(readReport(target)).to.deep.equal({
      kind: 'report',
      suites: 2,
      counts: { tests: 3, failures: 1, errors: 0, skipped: 1 },
    });
  });

  it('copies nothing of a file that is no valid report, and names it if it was meant as one', () => {
    const files = [
      file('a.xml', '<testsuite><testcase name="first"/>'),
      file('b.xml', '<project><testcase/></project>'),
    ];
    const asked: unknown[] = [];
    const text = merge(
      suite({
        files,
        properties: { bad_reports: '1' },
        ownCase(counts) {
          asked.push(counts);
          return { verdict: 'failure', message: 'exit code 3', output: 'boom' };
        },
      }),
    );
    expect(asked).to.deep.equal([null]);
    expect(text).to.contain('<properties><property name="bad_reports" value="1"/></properties>');
    expect(text).to.contain('<failure message="exit code 3">boom</failure>').and.not.contain('name="first"');
    expect(text).to.contain(
      '<system-err>not read as a report of tests: "a.xml": line 1: Unclosed root tag</system-err>\n',
    );
    expect(text).not.to.contain('b.xml');
  });

  it('keeps the path of nested suites, so that tests of one name stay different', () => {
    const nested = (outer: string) =>
      `<testsuite name="${outer}"><testsuite name="inner"><testcase name="adds" classname="test"/></testsuite><testcase name="adds" classname="test"/></testsuite>`;
    const report = file('a.xml', `<testsuites name="all">${nested('a')}${nested('b')}</testsuites>`);
    const text = merge(suite({ files: [report] }));
    expect([...text.matchAll(/<testcase .*?classname="([^"]*)"/g)].map(([, name]) => name)).to.deep.equal([
      'a &gt; inner',
      'a',
      'b &gt; inner',
      'b',
    ]);
  });

  it('writes times as numbers, and failures that only a status or a suite states as elements', () => {
    const report = file(
      'a.xml',
      '<testsuite name="s" errors="2"><testcase classname="c" name="x" time="1,234.5" status="notrun"/></testsuite>',
    );
    const text = merge(suite({ files: [report] }));
    expect(text).to.contain('<testcase classname="c" name="x" time="1234.5" status="notrun"><skipped');
    expect(text).to.contain('<testcase classname="s" name="s"><error message="The suite states 2 errors');
    expect(text).to.contain('<testsuites name="Unit, build 7" tests="2" failures="0" errors="1" skipped="1"');
  });

  it('is well-formed whatever atoms are called and print, and keeps their texts', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, output) => {
        merge(suite({ name, ownCase: () => ({ verdict: 'error', message: name, output }) }));
        const names: (string | undefined)[] = [];
        const outcome = readReport(target, {
          open: (tag, attributes) => names.push(tag === 'testcase' ? attributes.name : undefined),
          text: () => undefined,
          close: () => undefined,
        });
        expect(outcome).to.have.property('kind', 'report');
        const shown = stripInvisible(name).replace(
          /[^\t\n\r -\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu,
          '\uFFFD',
        );
        expect(names[0]).to.equal(shown);
      }),
    );
  });
});
