import { expect } from 'chai';
import fc from 'fast-check';
import {
  failureLines,
  fitLine,
  progressText,
  roughly,
} from '../../../../../src/cli/build/progress/progress.js';
import type { Activity, AtomFailure } from '../../../../../src/protocol/build/activity.js';
import type { Build } from '../../../../../src/protocol/build/build.js';
import { toId } from '../../../../../src/protocol/ids.js';
import { runningBuild as running } from '../../../../support/running-build.js';

function activity(fields: Partial<Activity>): Activity {
  return { running: [], setting_up: [], failures: { total: 0, latest: [] }, ...fields };
}

function runs(name: string, seconds: number) {
  return { atom_id: toId.atom(0), name, slave: 's1', seconds };
}

describe('failures', () => {
  const failed = (number: number): AtomFailure => ({
    number,
    atom_id: toId.atom(number),
    name: `test ${number}`,
    outcome: 'FAILED',
    slave: 's1',
    seconds: 12,
    exit_code: 1,
  });
  const failures = (total: number, latest: readonly AtomFailure[]) =>
    activity({ failures: { total, latest: [...latest] } });

  it('are shown with their time and slave, each once', () => {
    const first = failureLines(failures(2, [failed(1), failed(2)]), 0);
    expect(first.lines).to.deep.equal(['FAILED test 1 (12 s, s1)', 'FAILED test 2 (12 s, s1)']);
    expect(failureLines(failures(3, [failed(1), failed(2), failed(3)]), first.known).lines).to.deep.equal([
      'FAILED test 3 (12 s, s1)',
    ]);
  });

  it('are counted when they were missed', () => {
    expect(failureLines(failures(9, [failed(8), failed(9)]), 3)).to.deep.equal({
      lines: ['FAILED test 8 (12 s, s1)', 'FAILED test 9 (12 s, s1)', '… and 4 more have failed'],
      known: 9,
    });
  });

  it('are shown without an unknown slave or time', () => {
    const lost = { ...failed(1), outcome: 'LOST' as const, slave: null, seconds: null };
    expect(failureLines(failures(1, [lost]), 0).lines).to.deep.equal(['LOST test 1']);
  });

  it('are shown once when a master counts from the beginning', () => {
    expect(failureLines(failures(1, []), 5)).to.deep.equal({ lines: [], known: 1 });
  });
});

describe('progress', () => {
  it('shows what is done, what failed, who works and how long it will take', () => {
    expect(progressText(running, 65)).to.equal(
      'Build 7: about 12 s left, running, 3/10 done, 1 failed, 2 executors busy, 1 min 05 s',
    );
  });

  it('says that it waits for a slave, and shows no unknown numbers', () => {
    const queued: Build = { ...running, state: 'QUEUED', num_atoms: null, seconds_left: null };
    expect(progressText(queued, 0.2)).to.equal('Build 7: waiting for a slave, 0.2 s');
  });

  it('counts the estimate down, and leaves it out once it has proved wrong', () => {
    const left = (estimate: number) => progressText(running, 65, { response: 0, estimate });
    expect(left(4.5)).to.match(/^Build 7: about 8 s left, running/);
    expect(left(12)).to.match(/^Build 7: running/);
  });

  it('names the longest atom, and how long it has run by now', () => {
    const build = { ...running, activity: activity({ running: [runs('cart', 30), runs('login', 2)] }) };
    expect(progressText(build, 65, { response: 1, estimate: 0 })).to.match(
      /, 1 min 05 s, longest: cart \(31 s, s1\)$/,
    );
  });

  it('shows a setup as long as no atom runs', () => {
    const setting_up = ['s1', 's2'].map((slave) => ({ slave, seconds: 11 }));
    const build = { ...running, num_atoms_done: 0, seconds_left: null, activity: activity({ setting_up }) };
    expect(progressText(build, 15, { response: 1, estimate: 0 })).to.equal(
      'Build 7: setting up on s1, s2, 12 s, 0/10 done, 1 failed, 2 executors busy, 15 s',
    );
    const both = { ...build, activity: activity({ setting_up, running: [runs('cart', 3)] }) };
    expect(progressText(both, 15)).to.equal(
      'Build 7: running, 0/10 done, 1 failed, 2 executors busy, 15 s, setting up on s1, s2, 11 s, longest: cart (3.0 s, s1)',
    );
  });

  it('shows no short setup, and names a few of many slaves', () => {
    const setting_up = ['s1', 's2', 's3', 's4', 's5'].map((slave) => ({ slave, seconds: 1 }));
    const build = { ...running, activity: activity({ setting_up }) };
    expect(progressText(build, 15)).to.match(/left, running, .* 15 s$/);
    expect(progressText(build, 15, { response: 1, estimate: 0 })).to.match(
      /setting up on s1, s2, s3, 2 more, 2\.0 s/,
    );
  });

  it('names the slave that prepares the build', () => {
    const build: Build = {
      ...running,
      state: 'PREPARING',
      num_atoms: null,
      activity: activity({ setting_up: [{ slave: 's1', seconds: 1 }] }),
    };
    expect(progressText(build, 3)).to.equal(
      'Build 7: preparing on s1 (fetching the project, listing its atoms), 3.0 s',
    );
  });

  it('is one line without control characters, whatever atoms and slaves are called', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, slave) => {
        const shown = activity({
          running: [{ ...runs(name, 3), slave }],
          setting_up: [{ slave, seconds: 5 }],
        });
        const text = progressText({ ...running, activity: shown }, 1);
        expect([...text].filter((char) => char < ' ' || char === '\u007f')).to.deep.equal([]);
      }),
    );
  });

  it('never wraps on the terminal', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 2, max: 300 }), (text, columns) => {
        expect(fitLine(text, columns).length).to.be.below(columns);
      }),
    );
  });

  it('rounds estimates up, and to minutes where they are long', () => {
    expect([0.2, 4.1, 60, 61, 3541, 7500].map(roughly)).to.deep.equal([
      '1 s',
      '5 s',
      '60 s',
      '2 min',
      '1 h 00 min',
      '2 h 05 min',
    ]);
  });
});
