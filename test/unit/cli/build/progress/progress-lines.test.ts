import { expect } from 'chai';
import { ProgressLines } from '../../../../../src/cli/build/progress/progress-lines.js';
import type { Activity } from '../../../../../src/protocol/build/activity.js';
import type { Build } from '../../../../../src/protocol/build/build.js';
import { toId } from '../../../../../src/protocol/ids.js';
import { runningBuild } from '../../../../support/running-build.js';

const nothing: Activity = { running: [], setting_up: [], failures: { total: 0, latest: [] } };
const slow = { atom_id: toId.atom(3), name: 'the slow one', slave: 's1', seconds: 30 };
const fresh: Build = { ...runningBuild, num_atoms_done: 0, num_atoms_failed: 0, activity: nothing };

/** The progress lines of a log within so many seconds, with the responses that `see` gives for each second. */
function logOf(
  seconds: number,
  see: (watching: ProgressLines, second: number) => void,
): { at: number; line: string }[] {
  const watching = new ProgressLines(0);
  const lines: { at: number; line: string }[] = [];
  for (let at = 0; at <= seconds; at += 1) {
    see(watching, at);
    const line = watching.logLine(at);
    if (line !== null) {
      lines.push({ at, line });
    }
  }
  return lines;
}

describe('the progress lines of a log', () => {
  it('has a line at once, and then at least one a minute that names the longest atom, also without responses', () => {
    const lines = logOf(200, (watching, second) => {
      if (second === 0) {
        watching.update({ ...fresh, activity: { ...nothing, running: [slow] } }, second);
      }
    });
    expect(lines.map(({ at }) => at)).to.deep.equal([0, 60, 120, 180]);
    expect(lines[1]?.line).to.contain('longest: the slow one (1 min 30 s, s1)');
  });

  it('has lines when something changes, at growing intervals', () => {
    const lines = logOf(1000, (watching, second) => {
      watching.update({ ...fresh, num_atoms: 5000, num_atoms_done: second }, second);
    });
    const gaps = lines.slice(1).map(({ at }, before) => at - (lines[before]?.at ?? 0));
    expect([...new Set(gaps)]).to.deep.equal([5, 10, 30]);
  });

  it('has a line when the state changes, however soon', () => {
    const lines = logOf(2, (watching, second) => {
      const states = ['QUEUED', 'PREPARING', 'BUILDING'] as const;
      watching.update({ ...fresh, state: states[second] ?? 'BUILDING' }, second);
    });
    expect(lines.map(({ at }) => at)).to.deep.equal([0, 1, 2]);
  });

  it('has a line when a setup has lasted for a while, also without news from the master', () => {
    const lines = logOf(20, (watching, second) => {
      if (second === 0) {
        const setting_up = [{ slave: 's1', seconds: 0 }];
        watching.update({ ...fresh, activity: { ...nothing, setting_up } }, second);
      }
    });
    expect(lines.map(({ at }) => at)).to.deep.equal([0, 5]);
    expect(lines[1]?.line).to.contain('setting up on s1, 5.0 s');
  });

  it('has no line once the build has ended', () => {
    const ended: Build = { ...fresh, status: 'SUCCESS', state: 'FINISHED', activity: null };
    expect(logOf(200, (watching, second) => watching.update(ended, second))).to.deep.equal([]);
  });

  it('works with an older master, which sends no activity', () => {
    const lines = logOf(60, (watching) => watching.update(runningBuild, 0));
    expect(lines.map(({ at }) => at)).to.deep.equal([0, 60]);
  });
});

describe('the permanent lines about a build', () => {
  const commit = '3f786850e387550fdab836ed7e6dc881de23001b';

  it('name the tested commit once, when it is known', () => {
    const watching = new ProgressLines(0);
    expect(watching.update(fresh, 0)).to.deep.equal([]);
    const revision = { commit, branch: 'main', subject: 'Empty the cart', has_changes: true };
    expect(watching.update({ ...fresh, revision }, 1)).to.deep.equal([
      'Build 7 tests 3f786850e387 on main, with changes that are not committed (Empty the cart)',
    ]);
    expect(watching.update({ ...fresh, revision }, 2)).to.deep.equal([]);
  });

  it('show no time left and no running atoms once the build is being canceled', () => {
    const watching = new ProgressLines(0);
    watching.update({ ...fresh, activity: { ...nothing, running: [slow] } }, 0);
    expect(watching.text(1)).to.match(/^Build 7: about 11 s left, running, 0\/10 done/);
    watching.canceling();
    expect(watching.text(1)).to.match(/^Build 7: canceling, 0\/10 done/);
  });

  it('report an unreachable master once, when the reason changes, once a minute, and when it is back', () => {
    const watching = new ProgressLines(0);
    watching.update(fresh, 0);
    expect(watching.unreachable('It does not respond.', 10)).to.deep.equal(['It does not respond.']);
    expect(watching.unreachable('It does not respond.', 20)).to.deep.equal([]);
    expect(watching.tick(69)).to.deep.equal([]);
    expect(watching.logLine(69), 'nothing is known of the build').to.equal(null);
    expect(watching.tick(70)).to.deep.equal(['It does not respond. (for 1 min 00 s now)']);
    expect(watching.unreachable('It is stopping.', 80)).to.deep.equal(['It is stopping.']);
    expect(watching.responded(100)).to.deep.equal(['The master responds again, after 1 min 30 s.']);
    expect(watching.responded(101)).to.deep.equal([]);
  });
});
