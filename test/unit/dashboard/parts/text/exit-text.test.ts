import { expect } from 'chai';
import { exitText } from '../../../../../src/dashboard/parts/text/exit-text.js';

describe('an exit code as text', () => {
  it('names the signal of a shell, and the timeout of an atom', () => {
    expect([0, 1, 124, 137, 139, 143, 128, 255].map(exitText)).to.deep.equal([
      '0',
      '1',
      '124 (timeout)',
      '137 (SIGKILL)',
      '139 (SIGSEGV)',
      '143 (SIGTERM)',
      '128',
      '255',
    ]);
    expect(exitText(null)).to.equal('');
  });
});
