import { expect } from 'chai';
import { formatForTerminal } from '../../../src/lib/logger.js';

describe('formatForTerminal', () => {
  const line = (entry: object) => formatForTerminal(JSON.stringify({ name: 'slave', time: 1, ...entry }));

  it('shows the message, with the word warning or error for these levels', () => {
    expect(line({ level: 30, msg: 'It goes.' })).to.equal('slave: It goes.\n');
    expect(line({ level: 40, msg: 'It limps.', build: 7 })).to.equal('slave: warning: It limps. (build 7)\n');
  });

  it('shows the stack of an error, but not of a warning', () => {
    const err = { message: 'no', stack: 'Error: no\n    at here' };
    expect(line({ level: 50, msg: 'It fell.', err })).to.equal(
      'slave: error: It fell.\nError: no\n    at here\n',
    );
    expect(line({ level: 40, msg: 'It limps.', err })).to.equal('slave: warning: It limps.\n');
  });

  it('strips control sequences', () => {
    expect(line({ level: 30, msg: 'It says \u001b]0;title\u0007\u009b31m\u202ehello.' })).to.equal(
      'slave: It says hello.\n',
    );
  });
});
