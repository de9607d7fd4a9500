import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  isSignedResponse,
  signedResponseHeaders,
} from '../../../../src/protocol/signing/signed-responses.js';
import { contentDigestOf } from '../../../../src/protocol/signing/signing.js';

const NOW = 1_700_000_000.5;
const response = {
  status: 200,
  digest: contentDigestOf(Buffer.from('{"assignments":[]}')),
  requestSignature: 'cr=:c2lnbmF0dXJl:',
};
const headersOf = (signed: Record<string, string>) => ({
  signatureInput: signed['signature-input'] ?? '',
  signature: signed.signature ?? '',
});

describe('a signed response', () => {
  it('is signed as RFC 9421 describes, over status, body and the signature of the request', () => {
    const signed = signedResponseHeaders('secret', response, NOW);
    const params =
      '("@status" "content-digest" "signature";req);created=1700000000;keyid="clusterrunner";alg="hmac-sha256"';
    const base = [
      '"@status": 200',
      `"content-digest": ${response.digest}`,
      '"signature";req: cr=:c2lnbmF0dXJl:',
      `"@signature-params": ${params}`,
    ].join('\n');
    expect(signed).to.deep.equal({
      'content-digest': response.digest,
      'signature-input': `cr=${params}`,
      signature: `cr=:${createHmac('sha256', 'secret').update(base).digest('base64')}:`,
    });
  });

  it('is valid for its secret, status, body and request only', () => {
    const headers = headersOf(signedResponseHeaders('secret', response, NOW));
    expect(isSignedResponse('secret', response, headers)).to.equal(true);
    expect(isSignedResponse('Secret', response, headers)).to.equal(false);
    for (const other of [
      { ...response, status: 201 },
      { ...response, digest: contentDigestOf(Buffer.from('{}')) },
      { ...response, requestSignature: 'cr=:c2lnbmF0dXJm:' },
    ]) {
      expect(isSignedResponse('secret', other, headers), JSON.stringify(other)).to.equal(false);
    }
  });

  it('is invalid with any character of its headers changed, or with any other headers', () => {
    const { signatureInput, signature } = headersOf(signedResponseHeaders('secret', response, NOW));
    const broken = (text: string) =>
      fc
        .tuple(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 1 }))
        .filter(([at, letter]) => text[at] !== letter)
        .map(([at, letter]) => text.slice(0, at) + letter + text.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(broken(signatureInput), fc.string()), (other) => {
        expect(isSignedResponse('secret', response, { signatureInput: other, signature })).to.equal(false);
      }),
    );
    fc.assert(
      fc.property(fc.oneof(broken(signature), fc.string()), (other) => {
        expect(isSignedResponse('secret', response, { signatureInput, signature: other })).to.equal(false);
      }),
    );
  });
});
