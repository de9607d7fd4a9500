import { expect } from 'chai';
import fc from 'fast-check';
import { type Exchange, formatExchange } from '../../../src/protocol/wire-log.js';

const exchange: Exchange = {
  direction: '->',
  peer: 'http://127.0.0.1:43000',
  method: 'POST',
  target: '/v1/slave/1/work',
  request: '{"free_executors":2}',
  outcome: 200,
  response: '{"assignments":[]}',
  milliseconds: 12.34,
};

describe('the wire log', () => {
  it('shows an exchange as one line with both bodies, the status and the time', () => {
    expect(formatExchange(exchange)).to.equal(
      'wire -> http://127.0.0.1:43000 POST /v1/slave/1/work {"free_executors":2} = 200 in 12.3 ms {"assignments":[]}',
    );
  });

  it('shows the message of an error when no response arrives', () => {
    const failed = { ...exchange, request: null, outcome: 'connect ECONNREFUSED', response: null };
    expect(formatExchange(failed)).to.equal(
      'wire -> http://127.0.0.1:43000 POST /v1/slave/1/work failed after 12.3 ms: connect ECONNREFUSED',
    );
  });

  it('masks the token of a lease, the token of a reader and the password of a URL', () => {
    const line = formatExchange({
      ...exchange,
      target: '/v1/build?token=rrr&limit=2',
      request: '{"lease":{"id":7,"token":"lll"},"url":"https://me:ppp@git.example.com/a.git"}',
    });
    expect(line).to.contain('token=***&limit=2').and.contain('"token":"***"');
    expect(line).to.not.match(/rrr|lll|ppp/);
  });

  it('is one bounded line without control characters, whatever the bodies are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 5_000 }), (body) => {
        const line = formatExchange({ ...exchange, request: body, response: body });
        expect(line).to.not.match(/\p{Cc}/u);
        expect(line.length).to.be.lessThan(5_000);
      }),
    );
  });
});
