import { expect } from 'chai';
import fc from 'fast-check';
import {
  type AtomFindings,
  type BatchEnd,
  type BatchFindings,
  batchVerdicts,
} from '../../../../src/slave/batch/batch-verdicts.js';

const count = fc.integer({ min: 0, max: 2 });
const seconds = fc.double({ min: 0, max: 100, noNaN: true });
const atom: fc.Arbitrary<AtomFindings> = fc.record({
  passed: count,
  failed: count,
  skipped: count,
  seconds,
  doubtful: fc.constantFrom(0, 0, 0, 1),
});
const findings: fc.Arbitrary<BatchFindings> = fc.record({
  atoms: fc.array(atom, { minLength: 2, maxLength: 6 }),
  strayFailures: fc.constantFrom(0, 0, 0, 1),
  problem: fc.constantFrom(null, null, null, 'A report is cut.'),
});
const end: fc.Arbitrary<BatchEnd> = fc.record({
  exitCode: fc.constantFrom(0, 0, 1, 1, 5, 137),
  seconds,
  tookTooLong: fc.constantFrom(false, false, false, true),
});
const limit = fc.option(seconds, { nil: null });

const passed: AtomFindings = { passed: 1, failed: 0, skipped: 0, seconds: 1, doubtful: 0 };
const failed: AtomFindings = { ...passed, failed: 1 };
const unnamed: AtomFindings = { ...passed, passed: 0, seconds: 0 };
const good: BatchEnd = { exitCode: 0, seconds: 2, tookTooLong: false };

function verdicts(atoms: readonly AtomFindings[], more: Partial<BatchEnd & BatchFindings> = {}): string[] {
  const { strayFailures = 0, problem = null, ...how } = more;
  return batchVerdicts({ atoms, strayFailures, problem }, { ...good, ...how }, null).map((one) =>
    one.kind === 'ended' ? (one.exitCode === 0 ? 'passed' : `failed with ${one.exitCode}`) : one.reason,
  );
}

/** Calls `check` for each atom with its verdict. */
function forEachAtom(
  check: (
    verdict: ReturnType<typeof batchVerdicts>[number] | undefined,
    found: AtomFindings,
    all: BatchFindings,
    how: BatchEnd,
    limit: number | null,
  ) => void,
): void {
  fc.assert(
    fc.property(findings, end, limit, (all, how, most) => {
      const given = batchVerdicts(all, how, most);
      expect(given).to.have.length(all.atoms.length);
      for (const [index, found] of all.atoms.entries()) {
        check(given[index], found, all, how, most);
      }
    }),
    { numRuns: 2000 },
  );
}

describe('the verdicts of a batch', () => {
  it('pass only atoms that complete reports name as passed, and not as failed', () => {
    forEachAtom((verdict, found, { problem, strayFailures }) => {
      if (verdict?.kind === 'ended' && verdict.exitCode === 0) {
        expect(found).to.include({ failed: 0, doubtful: 0 });
        expect(found.passed).to.be.at.least(1);
        expect({ problem, strayFailures }).to.deep.equal({ problem: null, strayFailures: 0 });
      }
    });
  });

  it('pass only atoms of a batch that ended by itself, with 0 or with a failure that a named atom explains', () => {
    forEachAtom((verdict, _, { atoms }, { exitCode, tookTooLong }) => {
      if (verdict?.kind === 'ended' && verdict.exitCode === 0) {
        expect(tookTooLong).to.equal(false);
        expect(exitCode).to.be.lessThan(128);
        expect(exitCode === 0 || atoms.some((one) => one.failed > 0)).to.equal(true);
      }
    });
  });

  it('pass no atom that took longer than one may', () => {
    forEachAtom((verdict, found, _all, _how, most) => {
      if (verdict?.kind === 'ended' && verdict.exitCode === 0 && most !== null) {
        expect(found.seconds).to.be.at.most(most);
      }
    });
  });

  it('fail only atoms of which a test case has certainly failed, in a batch that says so too', () => {
    forEachAtom((verdict, found, _, { exitCode, tookTooLong }) => {
      if (verdict?.kind === 'ended' && verdict.exitCode !== 0) {
        expect(found.failed).to.be.at.least(1);
        expect(exitCode !== 0 || tookTooLong).to.equal(true);
      }
    });
  });

  it('have exit codes of commands, and times that are at least those of the test cases', () => {
    forEachAtom((verdict, found) => {
      if (verdict?.kind === 'ended') {
        expect(verdict.exitCode).to.be.within(0, 127);
        expect(verdict.seconds).to.be.at.least(found.seconds);
      }
    });
  });

  it('share the time besides test cases among the atoms, so that together they took as long as the batch', () => {
    const times = batchVerdicts(
      { atoms: [passed, { ...passed, seconds: 3 }], strayFailures: 0, problem: null },
      { ...good, seconds: 10 },
      null,
    ).map((one) => (one.kind === 'ended' ? one.seconds : null));
    expect(times).to.deep.equal([4, 6]);
  });

  it('pass the others when failed atoms explain the exit code', () => {
    expect(verdicts([passed, failed], { exitCode: 3 })).to.deep.equal(['passed', 'failed with 3']);
  });

  it('leave an atom undecided that no report names, or only with skipped test cases', () => {
    expect(verdicts([passed, unnamed, { ...unnamed, skipped: 2 }])).to.deep.equal([
      'passed',
      'No report of the batch names this atom.',
      'The reports of the batch have only skipped test cases of this atom.',
    ]);
  });

  it('leave all undecided when the exit code says that something failed, and no report does', () => {
    expect(verdicts([passed, unnamed], { exitCode: 2 })).to.deep.equal(
      Array(2).fill('The commands of the batch exited with 2, and no report says which atom failed.'),
    );
  });

  it('leave all undecided that were not seen to fail when a signal or the timeout ended the batch', () => {
    expect(verdicts([passed, failed], { exitCode: 139 })).to.deep.equal([
      'The commands of the batch were ended by a signal (exit code 139).',
      'failed with 1',
    ]);
    expect(verdicts([passed, failed], { exitCode: 143, tookTooLong: true })).to.deep.equal([
      'The batch took longer than its atoms may take together (atom_timeout).',
      'failed with 1',
    ]);
  });

  it('leave an atom undecided whose failure the exit code denies', () => {
    expect(verdicts([passed, failed])).to.deep.equal([
      'passed',
      'Its report says that it failed, but the commands of the batch exited with 0.',
    ]);
  });
});
