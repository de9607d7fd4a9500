import { expect } from 'chai';
import fc from 'fast-check';
import { makeReadToken, verifyReadToken } from '../../../../src/protocol/signing/read-token.js';

describe('a read token', () => {
  it('is valid under any of the secrets until it expires', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.nat(), fc.nat(), (secret, other, expires, now) => {
        const token = makeReadToken(secret, expires);
        expect(token).to.match(/^[\w.-]+$/);
        const verdict = verifyReadToken([other, secret], token, now);
        expect(verdict).to.equal(expires < now ? 'expired' : 'good');
        expect(verifyReadToken([`${secret}x`], token, now)).to.equal('wrong');
      }),
    );
  });

  it('is invalid with any character changed, such as a later expiry', () => {
    const token = makeReadToken('a secret', 1000);
    for (let at = 0; at < token.length - 1; at += 1) {
      const changed = `${token.slice(0, at)}${token[at] === '7' ? '8' : '7'}${token.slice(at + 1)}`;
      expect(verifyReadToken(['a secret'], changed, 0), changed).to.equal('wrong');
    }
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        (text) => verifyReadToken(['a secret'], text, 0) === 'wrong',
      ),
    );
  });
});
