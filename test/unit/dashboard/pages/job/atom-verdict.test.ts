import { expect } from 'chai';
import { verdictOf } from '../../../../../src/dashboard/pages/job/atom-verdict.js';
import type { JobAtom } from '../../../../../src/protocol/build/history.js';
import { toId } from '../../../../../src/protocol/ids.js';
import { jobAtom } from '../../../../support/job-history.js';

const NOW = 1_700_003_600;
const since = { build_id: toId.build(4), at: NOW - 7200 };

describe('the verdict about an atom', () => {
  const cases: readonly (readonly [string, JobAtom, string])[] = [
    ['passed always', jobAtom('...'), 'It passed in all of its newest 3 runs.'],
    ['ran once', jobAtom('.'), 'It passed in all of its newest 1 run.'],
    [
      'failed earlier',
      jobAtom('.F.'),
      'It passed when it ran last, and is not flaky; 1 of its newest 3 runs failed.',
    ],
    [
      'is flaky',
      jobAtom('.~..', { flakiness: 0.25 }),
      'It is flaky: in 25 % of its newest 4 runs it failed although its code was good.',
    ],
    [
      'fails since a build',
      jobAtom('...F', { failing_since: since, last_passed: toId.build(3) }),
      'It fails since build 4, 2 h ago. It passed last in build 3.',
    ],
    [
      'never passed',
      jobAtom('F', { failing_since: since }),
      'It fails since build 4, 2 h ago. It has never passed.',
    ],
    [
      'fails and is flaky',
      jobAtom('~.F', { failing_since: since, last_passed: toId.build(2), flakiness: 0.33 }),
      'It fails since build 4, 2 h ago. It passed last in build 2. ' +
        'It is flaky: in 33 % of its newest 3 runs it failed although its code was good.',
    ],
  ];
  for (const [name, atom, text] of cases) {
    it(`is clear for one that ${name}`, () => {
      expect(verdictOf(atom, NOW).text).to.equal(text);
    });
  }
});
