import { expect } from 'chai';
import fc from 'fast-check';
import { makeAccessToken, readAccessToken } from '../../../../src/protocol/signing/access-token.js';

const kinds = ['read', 'control'] as const;

describe('an access token', () => {
  it('is valid under any of the secrets until it expires, as the kind that it was made as', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.string(),
        fc.string(),
        fc.nat(),
        fc.nat(),
        (kind, secret, other, expires, now) => {
          const token = makeAccessToken(kind, secret, expires);
          expect(token).to.match(/^[\w.-]+$/);
          const read = readAccessToken([other, secret], token, now);
          expect(read).to.deep.equal({ kind, expires, hasExpired: expires < now });
          expect(readAccessToken([`${secret}x`], token, now)).to.equal(null);
        },
      ),
    );
  });

  it('is invalid with any character changed, such as a later expiry', () => {
    for (const kind of kinds) {
      const token = makeAccessToken(kind, 'a secret', 1000);
      for (let at = 0; at < token.length - 1; at += 1) {
        const changed = `${token.slice(0, at)}${token[at] === '7' ? '8' : '7'}${token.slice(at + 1)}`;
        expect(readAccessToken(['a secret'], changed, 0), changed).to.equal(null);
      }
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => readAccessToken(['a secret'], text, 0) === null),
    );
  });

  it('for reading does not become one for control by another prefix', () => {
    const token = makeAccessToken('read', 'a secret', 1000);
    expect(readAccessToken(['a secret'], token.replace('crt1', 'crc1'), 0)).to.equal(null);
  });
});
