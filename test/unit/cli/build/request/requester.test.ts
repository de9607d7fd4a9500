import { expect } from 'chai';
import fc from 'fast-check';
import { localUser, requesterOf } from '../../../../../src/cli/build/request/requester.js';
import { MAX_REQUESTER } from '../../../../../src/protocol/build/build.js';

describe('the requester of a build', () => {
  it('is the user of the CI system, else the user of this machine', () => {
    expect(requesterOf({ GITHUB_ACTOR: 'octocat' }, 'root@runner')).to.equal('octocat');
    expect(requesterOf({ GITLAB_USER_LOGIN: 'tanuki' }, 'root@runner')).to.equal('tanuki');
    expect(requesterOf({ GITHUB_ACTOR: ' ' }, 'ada@laptop')).to.equal('ada@laptop');
    expect(localUser()).to.match(/^.+@.+$/);
  });

  it('is a short line, whatever the variables contain', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (actor) => {
        const requester = requesterOf({ GITHUB_ACTOR: actor }, 'ada@laptop');
        expect(requester.length).to.be.within(1, MAX_REQUESTER);
        expect(requester).not.to.match(/[\n\r\t]/);
      }),
    );
  });
});
