import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { failureReport, flakyReport } from '../../../../src/cli/build/failures.js';
import { type ResultPlace, resultPlace } from '../../../../src/cli/build/results/result-place.js';
import { toId } from '../../../../src/protocol/ids.js';

describe('the report of failures', () => {
  let directory: string;
  let place: ResultPlace;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'failures-'));
    place = { ...resultPlace(undefined, directory), directory };
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const unknown = { slave: null, actual_time: null, num_retries: 0 };

  function atomWithConsole(id: number, text: string) {
    const folder = join(directory, `artifact_0_${id}`);
    mkdirSync(folder);
    writeFileSync(join(folder, 'clusterrunner_console_output'), text);
    return {
      id: toId.atom(id),
      subjob_id: toId.subjob(0),
      command_string: `export T='${id}';`,
      error: null,
      ...unknown,
    };
  }

  it('names the atom, shows the end of its console, and says how to rerun it', () => {
    const atom = atomWithConsole(3, 'first\nlast line without an end');
    expect(failureReport([atom], ['T'], place).split('\n')).to.deep.equal([
      '',
      '--- FAILED: 3',
      '    first',
      '    last line without an end',
      '    rerun it by hand: bash build_results/artifact_0_3/clusterrunner_command',
    ]);
  });

  it('says how long the atom ran, and on which slave', () => {
    const atom = { ...atomWithConsole(3, ''), slave: 's1', actual_time: 12.3 };
    expect(failureReport([atom], ['T'], place)).to.contain('--- FAILED: 3 (12 s, s1)\n');
  });

  it('says how often a retried atom failed', () => {
    const atom = { ...atomWithConsole(3, 'x'), num_retries: 2 };
    expect(failureReport([atom], ['T'], place).split('\n').slice(0, 4)).to.deep.equal([
      '',
      '--- FAILED: 3',
      '    (it failed 3 times; this is the last run)',
      '    x',
    ]);
  });

  it('names the atom with its variable where the atoms of the build set several', () => {
    const atom = atomWithConsole(3, '');
    expect(failureReport([atom], ['T', 'U'], place)).to.contain('--- FAILED: T=3\n');
    expect(flakyReport([atom], ['T', 'U'], place)).to.contain('--- FLAKY: T=3\n');
  });

  it('says that a rerun needs a checkout when the build had a folder of its own', () => {
    const atom = atomWithConsole(3, '');
    expect(failureReport([atom], ['T'], place, true)).to.contain(
      '    rerun it by hand, in a checkout: PROJECT_DIR="$PWD" bash build_results/artifact_0_3/clusterrunner_command',
    );
  });

  it('includes the setup in the rerun command when the job has one and the rerun is in a checkout', () => {
    const atom = atomWithConsole(3, '');
    writeFileSync(
      join(directory, 'artifact_0_3', 'clusterrunner_command'),
      '#!/bin/sh\n# With the argument --with-setup it runs setup_build first.\n# Reruns …\n',
    );
    const report = (isElsewhere: boolean) => failureReport([atom], ['T'], place, isElsewhere);
    expect(report(true)).to.match(/artifact_0_3\/clusterrunner_command --with-setup$/);
    expect(report(false)).to.match(/artifact_0_3\/clusterrunner_command$/);
  });

  it('shows the exit code, and the name of its signal', () => {
    const atom = atomWithConsole(3, '');
    writeFileSync(join(directory, 'artifact_0_3', 'clusterrunner_exit_code'), '139\n');
    expect(failureReport([atom], ['T'], place)).to.contain(
      '    (it printed nothing)\n    exit code 139 (SIGSEGV)\n',
    );
  });

  it('shows only the end of a long console, and says where the rest is', () => {
    const atom = atomWithConsole(1, Array.from({ length: 500 }, (_, n) => `line ${n}`).join('\n'));
    const report = failureReport([atom], ['T'], place);
    expect(report)
      .to.contain('line 499')
      .and.contain('the whole console is in')
      .and.not.contain('line 400\n');
  });

  it('shows the error of a lost atom, which has no results', () => {
    const lost = {
      id: toId.atom(3),
      subjob_id: toId.subjob(1),
      command_string: "export T='3';",
      ...unknown,
      error: '3 slaves were lost while they ran this subjob (a, b, c); it is not tried again.',
    };
    expect(failureReport([lost], ['T'], place).split('\n')).to.deep.equal([
      '',
      '--- LOST: 3',
      '    3 slaves were lost while they ran this subjob (a, b, c); it is not tried again.',
    ]);
    const many = Array.from({ length: 12 }, () => lost);
    expect(failureReport(many, ['T'], place)).to.match(/\n {4}11 others were lost: 3, .*, … and 1 more$/);
  });

  it('says where the first failure of a flaky atom is', () => {
    const flaky = {
      id: toId.atom(3),
      subjob_id: toId.subjob(1),
      command_string: 'export T=3;',
      error: null,
      ...unknown,
    };
    expect(flakyReport([flaky], ['T'], place)).to.equal(
      '--- FLAKY: 3\n    it failed first: build_results/artifact_1_3',
    );
    expect(flakyReport(new Array(101).fill(flaky), ['T'], place)).to.contain('… and 1 more');
    expect(flakyReport([], ['T'], place)).to.equal('');
  });

  it('works without results', () => {
    const atom = {
      id: toId.atom(3),
      subjob_id: toId.subjob(1),
      command_string: 'export T=3;',
      error: null,
      ...unknown,
    };
    expect(failureReport([atom], ['T'], place)).to.contain('    (its results are not here)');
  });

  it('strips control characters', () => {
    const atom = atomWithConsole(1, '\u001b[31mred\u001b[0m \u001b]0;title\u0007\n');
    expect(failureReport([atom], ['T'], place)).to.contain('    red \n');
  });

  it('keeps the colors of consoles where they can be shown, and resets them', () => {
    const atom = atomWithConsole(1, '\u001b[31mred\n\u001b]0;title\u0007more\n');
    expect(failureReport([atom], ['T'], place, false, true)).to.contain(
      '\n    \u001b[31mred\n    more\u001b[0m\n',
    );
  });

  it('names the atoms whose output ends like that of an earlier one with that one', () => {
    const atoms = [
      atomWithConsole(1, 'Error at /srv/1/db.js:12\n'),
      atomWithConsole(2, 'Error: assertion\n'),
      atomWithConsole(3, `${'more\n'.repeat(100)}Error: assertion\n`),
      ...Array.from({ length: 12 }, (_, n) => atomWithConsole(10 + n, `Error at /srv/${n}/db.js:${n}\n`)),
      { ...atomWithConsole(30, 'Error: assertion\n'), error: 'It was lost.' },
      atomWithConsole(31, ''),
      atomWithConsole(32, ''),
    ];
    const report = failureReport(atoms, ['T'], place);
    expect(report.match(/^--- .*/gm)).to.deep.equal([
      '--- FAILED: 1',
      '--- FAILED: 31',
      '--- FAILED: 2',
      '--- FAILED: 3',
      '--- LOST: 30',
    ]);
    expect(report).to.contain('    Another one printed nothing: 32\n');
    expect(report).to.contain(
      [
        '    rerun it by hand: bash build_results/artifact_0_1/clusterrunner_command',
        '    12 others end with the same lines: 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, … and 2 more',
        '',
        '--- FAILED: 31',
      ].join('\n'),
    );
    const two = failureReport([atomWithConsole(5, 'a 1\n'), atomWithConsole(6, 'a 2\n')], ['T'], place);
    expect(two).to.match(/\n {4}Another one ends with the same lines: 6$/);
  });

  it('has the groups of the page, whatever the exit codes: largest first, then in the order of their atoms', () => {
    const atoms = [
      atomWithConsole(1, 'one\n'),
      atomWithConsole(2, 'two\n'),
      atomWithConsole(3, 'three\n'),
      atomWithConsole(4, 'three\n'),
    ];
    writeFileSync(join(directory, 'artifact_0_4', 'clusterrunner_exit_code'), '137\n');
    expect(failureReport(atoms, ['T'], place).match(/^--- .*/gm)).to.deep.equal([
      '--- FAILED: 3',
      '--- FAILED: 1',
      '--- FAILED: 2',
    ]);
  });

  it('shows ten atoms in full, a hundred by name, and counts the rest', () => {
    const word = (n: number) => [...String(n)].map((digit) => 'abcdefghij'[Number(digit)]).join('');
    const atoms = Array.from({ length: 120 }, (_, id) => atomWithConsole(id, `x ${word(id)}\n`));
    const report = failureReport(atoms, ['T'], place);
    expect(report.match(/--- FAILED/g)).to.have.length(10);
    expect(report).to.contain('    99  (build_results/artifact_0_99)').and.contain('and 20 more');
  });
});
