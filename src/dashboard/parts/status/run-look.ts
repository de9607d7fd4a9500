import type { AtomRunInBuild } from '../../../protocol/build/history.js';
import type { StatusLook } from './status-look.js';

/** The look of a run of an atom in a build of its job. */
export function lookOfRun({ outcome, flaky }: Pick<AtomRunInBuild, 'outcome' | 'flaky'>): StatusLook {
  switch (outcome) {
    case 'PASSED':
      return flaky ? { tone: 'warn', sign: '~', word: 'flaky' } : { tone: 'good', sign: '✓', word: 'passed' };
    case 'FAILED':
      return { tone: 'bad', sign: '✗', word: 'failed' };
    case 'LOST':
      return { tone: 'bad', sign: '?', word: 'lost' };
  }
}
