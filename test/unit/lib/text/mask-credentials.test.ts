import { expect } from 'chai';
import fc from 'fast-check';
import { maskCredentials } from '../../../../src/lib/text/mask-credentials.js';

describe('maskCredentials', () => {
  it('masks user and password, and a token in place of the user', () => {
    expect(maskCredentials("clone 'https://me:pw@h/r.git' and http://token@h/r")).to.equal(
      "clone 'https://***@h/r.git' and http://***@h/r",
    );
  });

  it('masks a query', () => {
    expect(maskCredentials('GET https://h/a?sig=1&x=2 failed')).to.equal('GET https://h/a?*** failed');
  });

  it('keeps the user of ssh and plain text', () => {
    const text = 'ssh://git@h/r git@h:r what? a@b https://h/r';
    expect(maskCredentials(text)).to.equal(text);
  });

  it('masks any password, also one with an @ in it', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9@:!%]{1,20}$/), (password) => {
        expect(maskCredentials(`x https://u:SECRET${password}@host/r y`)).to.equal('x https://***@host/r y');
      }),
    );
  });

  it('takes linear time', () => {
    // In quadratic time these would exceed the test's timeout.
    for (const piece of ['a.', 'a://', 'a://b@', 'a://b?', '://', '@', "'a://"]) {
      const text = piece.repeat(200_000 / piece.length);
      expect(maskCredentials(`${text} https://me:pw@h/r`)).to.match(/ https:\/\/\*\*\*@h\/r$/);
    }
  });
});
