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

const counted = (tests: number, failures = 0, errors = 0, skipped = 0, suites = 1) => ({
  kind: 'report',
  suites,
  counts: { tests, failures, errors, skipped },
});

/** Records names of test cases, and texts. */
function hear(text: string | Buffer) {
  const names: string[] = [];
  const texts: string[] = [];
  read(text, 100_000, {
    open: (_, { name }) => names.push(name ?? ''),
    text: (piece) => texts.push(piece),
    close: () => undefined,
  });
  return { names, texts };
}

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

  it('recognizes other XML and other files', () => {
    for (const text of [
      'hello',
      '<html><testsuite/></html>',
      '<!DOCTYPE html [<!ENTITY x "y">]><html>&x;</html>',
      '\0\x01\x02',
      '{"a": 1}',
      'plain text about a <testsuiteful> of tests',
      '<a></b><testsuite/>',
    ]) {
      expect(read(text), text).to.deep.equal({ kind: 'other' });
    }
  });

  it('says why it cannot read a file that begins as a report', () => {
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

  describe('names a file that is meant as a report, and cannot be read:', () => {
    const report = '<testsuite><testcase name="a"><failure/></testcase></testsuite>';
    const cases: readonly (readonly [string, string | Buffer, RegExp])[] = [
      ['an empty one', '', /^it is empty$/],
      [
        'one that ends before its root',
        '<?xml version="1.0"?>\n<!-- tests -->\n',
        /ends before its first tag/,
      ],
      ['one that ends in its root', '<testsuite name="a', /ends before its first tag/],
      ['one with text before its root', `warning\n<?xml version="1.0"?>\n${report}`, /^line 1: text stands/],
      ['one with text before a root with a prefix', `x <j:testsuites xmlns:j="u"/>`, /text stands/],
      [
        'one in the encoding UTF-32',
        Buffer.from(
          [...`\ufeff${report}`].flatMap((c) => [c.charCodeAt(0) & 255, c.charCodeAt(0) >> 8, 0, 0]),
        ),
        /text stands/,
      ],
      ['one with entities', `<!DOCTYPE testsuite [<!ENTITY n "1">]>${report}`, /declares entities/],
      ['one that has been cut', report.slice(0, -5), /Unclosed root tag|Unexpected end/],
      ['one with a second root', report + report, /something follows the end/],
      ['one with text after its root', `${report}done`, /Text data outside/],
    ];
    for (const [title, text, reason] of cases) {
      it(title, () => {
        for (const size of [1, 7, 100_000]) {
          const outcome = read(text, size);
          expect(outcome).to.include({ kind: 'bad' });
          expect(outcome).to.have.property('reason').that.matches(reason);
        }
      });
    }
  });

  it('names a file whose text before the root is longer than one piece', () => {
    for (const length of [65_536, 65_530, 262_144, 3_000_000]) {
      expect(read(`${'x'.repeat(length)}<testsuite/>`, 100_000)).to.have.property('kind', 'bad');
    }
  });

  describe('counts', () => {
    const cases: readonly (readonly [string, string, ReturnType<typeof counted>])[] = [
      ['a report of no suites', '<testsuites/>', counted(0, 0, 0, 0, 0)],
      ['test cases below the root', '<testsuites><testcase/></testsuites>', counted(1, 0, 0, 0, 0)],
      [
        'tags with the prefix of the root',
        '<j:testsuite xmlns:j="u" xmlns:o="v"><j:testcase><j:failure/></j:testcase><j:testcase><o:failure/></j:testcase></j:testsuite>',
        counted(2, 1),
      ],
      [
        'a report in a namespace',
        '<testsuite xmlns="u"><testcase><error/></testcase></testsuite>',
        counted(1, 0, 1),
      ],
      [
        'a report behind a document type that declares no entities',
        '\n<!-- c -->\n<!DOCTYPE testsuite SYSTEM "junit.dtd" [<!ELEMENT testsuite ANY>]><testsuite><testcase/></testsuite>',
        counted(1),
      ],
      [
        'an error that stands in a suite',
        '<testsuite><error message="m"/><testcase/></testsuite>',
        counted(2, 0, 1),
      ],
      ['errors that only a suite states', '<testsuite tests="0" errors="3"/>', counted(1, 0, 1)],
      [
        'failures that only the whole report states',
        '<testsuites failures="1"><testsuite><testcase/></testsuite></testsuites>',
        counted(2, 1),
      ],
      [
        'a stated failure once, wherever it is stated too',
        '<testsuites failures="1"><testsuite failures="1"><testsuite failures="1"/></testsuite></testsuites>',
        counted(1, 1),
      ],
      [
        'a stated failure that a test case has once',
        '<testsuites errors="1"><testsuite errors="1"><testcase><failure/></testcase></testsuite></testsuites>',
        counted(1, 1),
      ],
      [
        'one verdict of a test case with several',
        '<testsuite><testcase><skipped/><failure/></testcase></testsuite>',
        counted(1, 1),
      ],
      [
        'a test case that is a failure by its status',
        '<testsuite><testcase status="FAILED"/></testsuite>',
        counted(1, 1),
      ],
      [
        'a test case within another with its outer one',
        '<testsuite><testcase><testcase><failure/></testcase></testcase></testsuite>',
        counted(1, 1),
      ],
      [
        'a test that passed when it was run again as passed, and one that never did as failed',
        '<testsuite><testcase><flakyFailure/><flakyError/></testcase><testcase><failure/><rerunFailure/></testcase></testsuite>',
        counted(2, 1),
      ],
      [
        'test cases whatever their attributes are called',
        '<testsuite><testcase hasOwnProperty="1" constructor="2" __proto__="3" name="a"/></testsuite>',
        counted(1),
      ],
    ];
    for (const [title, text, expected] of cases) {
      it(title, () => {
        for (const size of [1, 7, 100_000]) {
          expect(read(text, size)).to.deep.equal(expected);
        }
      });
    }
  });

  it('accepts references to any character, also to control characters and surrogates', () => {
    const heard = hear(
      '<?xml version="1.1"?><testsuite><testcase name="&#27;[31m&#x001B;&#0;&nbsp;&lt;&#xD83D;&#xDE00;">&#55357;&#56832;</testcase></testsuite>',
    );
    expect(heard.names).to.deep.equal(['\x1b[31m\x1b\0\xa0<\u{1F600}']);
    expect(heard.texts.join('')).to.equal('\u{1F600}');
    for (const reference of ['&#x110000;', '&#;', '&#x;', '&constructor;', '&__proto__;', '&unknown;']) {
      expect(read(`<testsuite>${reference}</testsuite>`), reference).to.have.property('kind', 'bad');
    }
  });

  it('passes on texts and attributes of any length unchanged, in pieces that end between characters', () => {
    for (const shift of [0, 1]) {
      const long = `${'x'.repeat(shift)}${'a\u{1F600}'.repeat(900_000)}`;
      const heard = hear(
        `<testsuite><testcase name="${long}">${long}<![CDATA[${long}]]></testcase><!--${long}--></testsuite>`,
      );
      expect(heard.names[0] === long).to.equal(true);
      expect(heard.texts.join('') === long + long).to.equal(true);
      expect(heard.texts.some((text) => /^[\udc00-\udfff]|[\ud800-\udbff]$/.test(text))).to.equal(false);
    }
  });

  it('gives up on files that are too large, too deep, or have too many attributes', () => {
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
    read(Buffer.from(`\ufeff${text('utf-16')}`, 'utf16le').swap16(), 1, sink);
    read(Buffer.from(text('utf-16'), 'utf16le'), 1, sink);
    read(Buffer.from(text('utf-16'), 'utf16le').swap16(), 300, sink);
    read(Buffer.from(`\n<testsuite><testcase name="gr\u00fcn"/></testsuite>`, 'utf16le'), 1, sink);
    read(Buffer.from(`\ufeff${text('ISO-8859-1')}`), 2, sink);
    read(Buffer.from(text('UTF-16')), 300, sink);
    read(Buffer.from(text('windows-1252').replace('encoding=', 'encoding = '), 'latin1'), 300, sink);
    expect(names).to.deep.equal(Array(11).fill('gr\u00fcn'));
  });

  it('never throws for any input', () => {
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
