import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  bodyHmac,
  contentDigestOf,
  signRequest,
  verifyBodyHmac,
  verifyRequest,
} from '../../../../src/protocol/signing/signing.js';

const NOW = 1_700_000_000;
const request = {
  method: 'POST',
  target: '/v1/slave/3/work?x=1',
  digest: contentDigestOf(Buffer.from('{}')),
};

function headersOf(signed: Record<string, string>) {
  return { signatureInput: signed['signature-input'], signature: signed.signature };
}

/** Each with one other character: one that has no place there, and one of the same kind, which has. */
function changesOf(text: string): string[] {
  return [...text].flatMap((character, at) => {
    const code = character.codePointAt(0) ?? 0;
    const next = /[zZ9]/.test(character) ? code - 1 : code + 1;
    const others = /\w/.test(character) ? ['#', String.fromCodePoint(next)] : ['#'];
    return others.map((other) => text.slice(0, at) + other + text.slice(at + 1));
  });
}

describe('bodyHmac', () => {
  it('is the hex HMAC-SHA512 that other HMAC programs compute', () => {
    const expected = createHmac('sha512', Buffer.from('geheimnis-ä', 'utf8')).update('{"a":1}').digest('hex');
    expect(bodyHmac('geheimnis-ä', Buffer.from('{"a":1}'))).to.equal(expected);
  });

  it('verifies for the same secret and bytes only, in either case', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.uint8Array(),
        fc.string(),
        fc.uint8Array(),
        (secret, body, other, bytes) => {
          const digest = bodyHmac(secret, body);
          expect(verifyBodyHmac(secret, body, digest)).to.equal(true);
          expect(verifyBodyHmac(secret, body, digest.toUpperCase())).to.equal(true);
          expect(verifyBodyHmac(secret, bytes, digest)).to.equal(Buffer.compare(body, bytes) === 0);
          expect(verifyBodyHmac(`${secret}${other}x`, body, digest)).to.equal(false);
        },
      ),
    );
  });

  it('does not verify for a malformed header, and does not throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (header) => {
        expect(verifyBodyHmac('secret', Buffer.from('x'), header)).to.equal(false);
      }),
    );
  });
});

describe('the HTTP message signature of a request', () => {
  it('is the one of RFC 9421, so that other programs can compute it', () => {
    const signed = signRequest('secret', request, NOW, 'nonce-0001');
    const params =
      '("@method" "@path" "@query" "content-digest");created=1700000000;expires=1700000060' +
      ';nonce="nonce-0001";keyid="clusterrunner";alg="hmac-sha256"';
    const base = [
      '"@method": POST',
      '"@path": /v1/slave/3/work',
      '"@query": ?x=1',
      `"content-digest": ${request.digest}`,
      `"@signature-params": ${params}`,
    ].join('\n');
    expect(signed['signature-input']).to.equal(`cr=${params}`);
    expect(signed.signature).to.equal(`cr=:${createHmac('sha256', 'secret').update(base).digest('base64')}:`);
  });

  it('verifies, with its nonce and how long that must be remembered', () => {
    fc.assert(
      fc.property(fc.string(), fc.webPath(), fc.uint8Array(), fc.uuid(), (secret, path, body, nonce) => {
        const target = { method: 'PUT', target: `/v1${path}`, digest: contentDigestOf(body) };
        const verdict = verifyRequest(
          [secret],
          target,
          headersOf(signRequest(secret, target, NOW, nonce)),
          NOW,
        );
        expect(verdict).to.deep.equal({ ok: true, nonce, expires: NOW + 60, secret });
      }),
    );
  });

  it('does not verify for another method, path, query, body or secret', () => {
    const headers = headersOf(signRequest('secret', request, NOW, 'nonce-0001'));
    const moved = [
      { ...request, method: 'PUT' },
      { ...request, target: '/v1/slave/4/work?x=1' },
      { ...request, target: '/v1/slave/3/work?x=2' },
      { ...request, target: '/v1/slave/3/work' },
      { ...request, digest: contentDigestOf(Buffer.from('{ }')) },
    ];
    for (const other of moved) {
      expect(verifyRequest(['secret'], other, headers, NOW).ok, JSON.stringify(other)).to.equal(false);
    }
    expect(verifyRequest(['Secret'], request, headers, NOW).ok).to.equal(false);
  });

  it('does not verify when any character of its headers is changed', () => {
    const { 'signature-input': input = '', signature = '' } = signRequest(
      'secret',
      request,
      NOW,
      'nonce-0001',
    );
    const isGood = (signatureInput: string, changed: string) =>
      verifyRequest(['secret'], request, { signatureInput, signature: changed }, NOW).ok;
    expect(isGood(input, signature)).to.equal(true);
    for (const changed of changesOf(input)) {
      expect(isGood(changed, signature), changed).to.equal(false);
    }
    for (const changed of changesOf(signature)) {
      expect(isGood(input, changed), changed).to.equal(false);
    }
  });

  it('is valid for a minute before and after its time, for which its nonce is kept', () => {
    const headers = headersOf(signRequest('secret', request, NOW, 'nonce-0001'));
    fc.assert(
      fc.property(fc.integer({ min: -1000, max: 1000 }), (offset) => {
        const verdict = verifyRequest(['secret'], request, headers, NOW + offset);
        expect(verdict.ok).to.equal(Math.abs(offset) <= 60);
        if (verdict.ok) {
          expect(verdict.expires).to.be.at.least(NOW + offset);
        } else {
          expect(verdict.reason).to.match(/clocks/);
        }
      }),
    );
  });

  it('is refused with a reason for headers that are no signature', () => {
    const text = fc.option(fc.string({ unit: 'binary' }), { nil: undefined });
    fc.assert(
      fc.property(text, text, (signatureInput, signature) => {
        const verdict = verifyRequest(['secret'], request, { signatureInput, signature }, NOW);
        expect(verdict).to.have.property('ok', false);
        expect(verdict).to.have.property('reason').that.is.not.empty;
      }),
    );
  });
});
