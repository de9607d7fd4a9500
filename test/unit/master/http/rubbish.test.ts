import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import type { RouteDeclaration } from '../../../../src/protocol/route.js';
import { routes } from '../../../../src/protocol/routes.js';
import { bodyHmac, contentDigestOf, signRequest } from '../../../../src/protocol/signing/signing.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { request } from '../../../support/raw-request.js';

const MAX_JSON_BYTES = 10_000;
const declared: RouteDeclaration[] = Object.values(routes);

/** An id, or something similar. */
const step = fc.oneof(
  fc.nat().map(String),
  fc.constantFrom('-1', '0', '1e3', '9007199254740993', 'NaN', '%00', '%', '%2F', '..', '__proto__'),
  fc.constant('9'.repeat(2000)),
  fc.string().map(encodeURIComponent),
);
const path = fc.constantFrom(...declared).chain((route) => {
  const names = [...route.path.matchAll(/[:*]\w+/g)];
  return fc
    .array(step, { minLength: names.length, maxLength: names.length })
    .map((steps) => steps.reduce((text, value) => text.replace(/[:*]\w+/, () => value), route.path));
});
const query = fc.option(
  fc.oneof(
    fc.webQueryParameters(),
    fc.constantFrom(
      ...[
        'report_bytes=2',
        'report_bytes=-1',
        'offset=1&offset=2',
        'limit=',
        'limit=1000000000',
        'offset=-1',
      ],
      ...['offset=9007199254740991', 'max_lines=1000000000', 'offset_line=-1', 'wait=1000000000', 'wait=-1'],
      ...[
        'until=never',
        'since_id=99999999999999999999',
        'since_timestamp=NaN',
        'a[b]=c',
        '__proto__=1',
        '%',
      ],
    ),
  ),
  { nil: '' },
);
const method = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS');
const body = fc.oneof(
  fc.json(),
  fc.string(),
  fc.constantFrom('', '{', 'null', '[[[[', '{"a":1}{"b":2}', '\ufeff{}', '{"__proto__":{"type":"git"}}'),
  fc.constantFrom(' '.repeat(MAX_JSON_BYTES + 1), '['.repeat(MAX_JSON_BYTES), `"${'x'.repeat(2_000_000)}"`),
  fc
    .record({ lease: fc.jsonValue(), atoms: fc.jsonValue(), type: fc.jsonValue() })
    .map((value) => JSON.stringify(value)),
);
const header = fc.record(
  {
    'content-type': fc.constantFrom('application/json', 'text/plain', 'application/json; charset=x', ';', ''),
    accept: fc.constantFrom('*/*', 'text/html', 'image/png;q=x', ',', ';;;'),
    'if-none-match': fc.constantFrom('*', '"', 'W/', ',,,'),
    'last-event-id': fc.constantFrom('1', '-1', 'x', '9'.repeat(400)),
    origin: fc.constantFrom('null', 'https://evil.example', '://', 'x'),
    'expected-session-id': fc.constantFrom('fake-session', 'x'),
    'content-encoding': fc.constantFrom('gzip', 'identity', 'x'),
    'access-control-request-method': fc.constantFrom('PUT', 'x'),
  },
  { requiredKeys: ['content-type'] },
);
const signature = fc.constantFrom('none', 'body-hmac', 'http-signature', 'rubbish');

describe('rubbish', () => {
  let master: FakeMaster;
  before(async () => {
    master = await startFakeMaster({
      settings: { maxBodyBytes: MAX_JSON_BYTES },
      corsAllowedOrigins: 'https://x',
    });
  });
  after(() => master.close());

  function headersOf(form: string, verb: string, target: string, content: string, rubbish: string) {
    const bytes = Buffer.from(content);
    switch (form) {
      case 'body-hmac':
        return { 'ClusterRunner-Message-Authentication-Digest': bodyHmac(master.secret, bytes) };
      case 'http-signature': {
        const signed = { method: verb, target, digest: contentDigestOf(bytes) };
        return signRequest(master.secret, signed, Date.now() / 1000, randomUUID());
      }
      case 'rubbish':
        return {
          'signature-input': encodeURI(rubbish),
          signature: encodeURI(rubbish),
          'content-digest': 'x',
        };
      default:
        return {};
    }
  }

  it('never causes an internal error at any route, signed or not, and changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        method,
        path,
        query,
        body,
        signature,
        header,
        async (verb, where, ask, content, form, more) => {
          const url = new URL(`${master.url}${where}${ask === '' ? '' : `?${ask}`}`);
          const target = url.pathname + url.search;
          const bodyless = verb === 'GET' || verb === 'HEAD';
          const headers = {
            ...more,
            ...headersOf(form, verb, target, content, where),
          };
          const response = await request(
            master,
            verb,
            target,
            bodyless ? { headers } : { headers, body: content },
          );
          expect(response.status, String(response.body.error)).to.be.below(500);
          if (response.status >= 400 && verb !== 'HEAD') {
            expect(response.body).to.have.property('STATUS', 'FAILURE');
            expect(response.body).to.have.property('error').that.is.a('string').and.not.empty;
          }
          expect(master.service.changes).to.deep.equal([]);
        },
      ),
      { numRuns: 1000 },
    );
    expect(master.logged.filter(({ level }) => Number(level) >= 50)).to.deep.equal([]);
  });
});
