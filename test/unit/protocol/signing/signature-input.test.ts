import { expect } from 'chai';
import fc from 'fast-check';
import { readSignatureInput } from '../../../../src/protocol/signing/signature-input.js';

const MAC = `${'A'.repeat(43)}=`;
const components = ['"@method"', '"@path"', '"@query"', '"content-digest"'];
const parameters = [
  'created=1',
  'expires=2',
  'nonce="nonce-0001"',
  'keyid="clusterrunner"',
  'alg="hmac-sha256"',
];

const read = (list: readonly string[], tail: readonly string[], label = 'cr') =>
  readSignatureInput(
    `${label}=(${list.join(' ')})${tail.map((parameter) => `;${parameter}`).join('')}`,
    `${label}=:${MAC}:`,
  );

describe('Signature-Input', () => {
  it('may have its components and parameters in any order, and any label', () => {
    const order = <T>(items: T[]) => fc.shuffledSubarray(items, { minLength: items.length });
    fc.assert(
      fc.property(
        order(components),
        order(parameters),
        fc.stringMatching(/^[a-z*][a-z0-9_.*-]{0,20}$/),
        (list, tail, label) => {
          const input = read(list, tail, label);
          expect(input?.components.map((name) => `"${name}"`)).to.deep.equal(list);
          expect(input).to.deep.include({ created: 1, expires: 2, nonce: 'nonce-0001', signature: MAC });
        },
      ),
    );
  });

  it('is parsed to the same by the fast path for our own form', () => {
    const number = fc.stringMatching(/^\d{0,14}$/);
    const nonce = fc.oneof(fc.uuid(), fc.string({ maxLength: 70 }), fc.stringMatching(/^[\x20-\x7e]{7,66}$/));
    fc.assert(
      fc.property(number, number, nonce, (created, expires, text) => {
        const tail = [`created=${created}`, `expires=${expires}`, `nonce="${text}"`, ...parameters.slice(3)];
        expect(read(components, tail)).to.deep.equal(read(components, tail, 'other'));
      }),
      { numRuns: 1000 },
    );
  });

  it('may omit the algorithm, and nothing else', () => {
    for (const [at, left] of parameters.entries()) {
      const isRead = read(components, parameters.toSpliced(at, 1)) !== null;
      expect(isRead, left).to.equal(left.startsWith('alg='));
    }
    for (const [at, left] of components.entries()) {
      expect(read(components.toSpliced(at, 1), parameters), left).to.equal(null);
    }
  });

  it('is refused with a repeated or additional part, or another key or algorithm', () => {
    for (const tail of [
      [...parameters, 'created=1'],
      [...parameters, 'tag="x"'],
      ['created="1"', ...parameters.slice(1)],
      [...parameters.slice(0, 3), 'keyid="other"'],
      [...parameters.slice(0, 4), 'alg="rsa-v1_5-sha256"'],
      [...parameters.slice(0, 2), 'nonce="short"', 'keyid="clusterrunner"'],
    ]) {
      expect(read(components, tail), tail.join(';')).to.equal(null);
    }
    for (const list of [
      [...components, '"date"'],
      [...components, '"@path"'],
      components.with(0, '"@path"'),
    ]) {
      expect(read(list, parameters), list.join(' ')).to.equal(null);
    }
    const input = `cr=(${components.join(' ')});${parameters.join(';')}`;
    expect(readSignatureInput(`${input}, ${input}`, `cr=:${MAC}:`)).to.equal(null);
    expect(readSignatureInput(input, `other=:${MAC}:`)).to.equal(null);
  });

  it('never throws for any text', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(fc.property(text, text, (input, signature) => readSignatureInput(input, signature) === null));
  });
});
