import { expect } from 'chai';
import fc from 'fast-check';
import {
  type CaseSink,
  MAX_REPORT_BYTES,
  type ReportOutcome,
  ReportReader,
} from '../../../src/junit/report-reader.js';

function read(text: string | Buffer, pieceBytes = Number.POSITIVE_INFINITY, sink?: CaseSink): ReportOutcome {
  const bytes = Buffer.from(text);
  const reader = new ReportReader(sink);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    reader.push(bytes.subarray(at, at + pieceBytes));
  }
  return reader.end();
}

const counted = (tests: number, failures = 0, errors = 0, skipped = 0) => ({
  kind: 'report',
  counts: { tests, failures, errors, skipped },
});

const pytest = `<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4" time="0.075" timestamp="2024-05-01T10:00:00" hostname="ci">
<testcase classname="tests.test_shop" name="test_price" time="0.001" />
<testcase classname="tests.test_shop" name="test_tax[&lt;de&gt;]" time="0.012"><failure message="assert 19 == 7&#10; +  where 19 = tax()">def test_tax():
&gt;       assert tax() == 7</failure></testcase>
<testcase classname="tests.test_shop" name="test_later" time="0.000"><skipped type="pytest.skip" message="not yet">tests/test_shop.py:9: not yet</skipped></testcase>
<testcase classname="tests.test_shop" name="test_db" time="0.001"><error message="failed on setup">no database</error></testcase>
</testsuite></testsuites>`;

const surefire = `<?xml version="1.0" encoding="UTF-8"?>
<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="surefire-test-report.xsd" name="com.example.ShopTest" time="0.4" tests="3" errors="0" skipped="0" failures="1">
  <properties><property name="java.version" value="21"/></properties>
  <testcase name="pays" classname="com.example.ShopTest" time="0.1"><flakyFailure message="timeout" type="java.lang.AssertionError"><stackTrace><![CDATA[at com.example]]></stackTrace></flakyFailure></testcase>
  <testcase name="ships" classname="com.example.ShopTest" time="0.2"><failure message="expected" type="java.lang.AssertionError"><![CDATA[java.lang.AssertionError: <1> but was <2>]]></failure><system-out><![CDATA[<failure>only printed</failure>]]></system-out></testcase>
  <testcase name="bills" classname="com.example.ShopTest" time="0.1"/>
</testsuite>`;

const googletest = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="3" failures="1" disabled="1" errors="0" time="0.011" name="AllTests">
  <testsuite name="MathTest" tests="3" failures="1" disabled="1" errors="0" time="0.011">
    <testcase name="Adds" status="run" result="completed" time="0.007" classname="MathTest" />
    <testcase name="Divides" status="run" result="completed" time="0.004" classname="MathTest">
      <failure message="Value of: 1&#x0A;Expected: 2" type=""/>
      <failure message="a second one" type=""/>
    </testcase>
    <testcase name="DISABLED_Roots" status="notrun" result="suppressed" time="0" classname="MathTest" />
  </testsuite>
</testsuites>`;

const mocha = `<testsuites name="Mocha Tests" time="0.01" tests="2" failures="0">
  <testsuite name="Root Suite"><testsuite name="a list"><testcase name="a list is empty" time="0.002" classname="is empty"></testcase>
  <testcase name="a list grows" time="0" classname="grows"><skipped/></testcase></testsuite></testsuite>
</testsuites>`;

describe('ReportReader', () => {
  const samples = { pytest, surefire, googletest, mocha };
  const expected = {
    pytest: counted(4, 1, 1, 1),
    surefire: counted(3, 1),
    googletest: counted(3, 1, 0, 1),
    mocha: counted(2, 0, 0, 1),
  };
  for (const name of ['pytest', 'surefire', 'googletest', 'mocha'] as const) {
    it(`counts the test cases of a report of ${name}, in pieces of any size`, () => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 300 }), (pieceBytes) => {
          expect(read(samples[name], pieceBytes)).to.deep.equal(expected[name]);
        }),
        { numRuns: 30 },
      );
    });
  }

  it('takes other XML, and what is no XML, for something else', () => {
    for (const text of [
      '',
      'hello',
      '<html><testsuite/></html>',
      '<!-- x -->',
      '\0\x01\x02',
      '{"a": 1}',
      '<',
    ]) {
      expect(read(text), text).to.deep.equal({ kind: 'other' });
    }
  });

  it('says why it cannot read what begins as a report', () => {
    for (const text of [
      '<testsuites><testsuite><testcase></testsuite></testsuites>',
      '<testsuite><testcase name="a"/>',
      '<testsuite>&unknown;</testsuite>',
      '<testsuite></testsuite><testsuite></testsuite>',
    ]) {
      const outcome = read(text);
      expect(outcome, text).to.include({ kind: 'bad' });
      expect(outcome)
        .to.have.property('reason')
        .that.matches(/^line 1: \S.*[^.]$/);
    }
  });

  it('expands no entities', () => {
    const laughs = Array.from({ length: 9 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`).join(
      '',
    );
    const bomb = `<!DOCTYPE t [<!ENTITY l0 "ha">${laughs}]><testsuite><testcase name="&l9;"/></testsuite>`;
    const stolen = '<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite>&x;</testsuite>';
    for (const text of [bomb, stolen]) {
      expect(read(text).kind).to.not.equal('report');
    }
  });

  it('gives up on what is too large, too deep, or has too many attributes', () => {
    const reader = new ReportReader();
    reader.push(Buffer.from('<testsuite>'));
    reader.push(Buffer.alloc(MAX_REPORT_BYTES, ' '));
    expect(reader.end()).to.have.property('reason').that.contains('larger than 32 MiB');
    expect(read(`<testsuite>${'<a>'.repeat(500)}${'</a>'.repeat(500)}</testsuite>`)).to.have.property(
      'kind',
      'bad',
    );
    const attributes = Array.from({ length: 500 }, (_, n) => `a${n}="1"`).join(' ');
    expect(read(`<testsuite><testcase ${attributes}/></testsuite>`)).to.have.property('kind', 'bad');
  });

  it('reads the encoding that the file states', () => {
    const names: string[] = [];
    const sink = {
      open: (_: string, { name }: Readonly<Record<string, string>>) => names.push(name ?? ''),
      text: () => undefined,
      close: () => undefined,
    };
    const text = (encoding: string) =>
      `<?xml version="1.0" encoding="${encoding}"?><testsuite><testcase name="gr\u00fcn"/></testsuite>`;
    read(Buffer.from(text('ISO-8859-1'), 'latin1'), 7, undefined);
    read(Buffer.from(text('ISO-8859-1'), 'latin1'), 300, sink);
    read(Buffer.from(text('utf-8')), 300, sink);
    read(Buffer.from(`\ufeff${text('utf-16')}`, 'utf16le'), 300, sink);
    read(Buffer.from(text('x-nobody-knows')), 300, sink);
    expect(names).to.deep.equal(['gr\u00fcn', 'gr\u00fcn', 'gr\u00fcn', 'gr\u00fcn']);
  });

  it('never throws, whatever it gets', () => {
    const piece = fc.constantFrom(
      '<testsuite>',
      '</testsuite>',
      '<testcase name="',
      '"',
      '/>',
      '<![CDATA[',
      ']]>',
      '&',
      ';',
      '<!--',
      '-->',
      '<?xml',
      '?>',
      '<!DOCTYPE',
      '[',
      '<failure/>',
      'é',
      '\0',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.integer({ min: 1, max: 9 }), (pieces, size) => {
        expect(read(pieces.join(''), size).kind).to.be.oneOf(['other', 'report', 'bad']);
      }),
    );
  });
});
