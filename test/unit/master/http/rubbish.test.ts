import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import type { RouteDeclaration } from '../../../../src/protocol/route.js';
import { routes } from '../../../../src/protocol/routes.js';
import { contentDigestOf, documentDigest, signParts } from '../../../../src/protocol/signing.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { request } from '../../../support/raw-request.js';

const declared: RouteDeclaration[] = Object.values(routes);

/** Something that could be an id, or nearly. */
const step = fc.oneof(
  fc.nat().map(String),
  fc.constantFrom('-1', '0', '1e3', '9007199254740993', 'NaN', '%00', '%', '%2F', '..', '__proto__'),
  fc.string().map(encodeURIComponent),
);
const path = fc.constantFrom(...declared).chain((route) => {
  const names = [...route.path.matchAll(/:\w+/g)];
  return fc
    .array(step, { minLength: names.length, maxLength: names.length })
    .map((steps) => steps.reduce((text, value) => text.replace(/:\w+/, () => value), route.path));
});
const query = fc.option(
  fc.oneof(
    fc.webQueryParameters(),
    fc.constantFrom('report_bytes=2', 'report_bytes=-1', 'offset=1&offset=2', 'limit='),
  ),
  { nil: '' },
);
const method = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS');
const body = fc.oneof(
  fc.json(),
  fc.string(),
  fc
    .record({ lease: fc.jsonValue(), atoms: fc.jsonValue(), type: fc.jsonValue() })
    .map((value) => JSON.stringify(value)),
);
const signature = fc.constantFrom('none', 'document', 'parts', 'rubbish');

describe('rubbish', () => {
  let master: FakeMaster;
  before(async () => {
    master = await startFakeMaster();
  });
  after(() => master.close());

  function headersOf(form: string, verb: string, target: string, content: string, rubbish: string) {
    const bytes = Buffer.from(content);
    switch (form) {
      case 'document':
        return { 'ClusterRunner-Message-Authentication-Digest': documentDigest(master.secret, bytes) };
      case 'parts': {
        const signed = { method: verb, target, digest: contentDigestOf(bytes) };
        return signParts(master.secret, signed, Date.now() / 1000, randomUUID());
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

  it('at any route, signed or not, is never a fault of the master, and changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(method, path, query, body, signature, async (verb, where, ask, content, form) => {
        const url = new URL(`${master.url}${where}${ask === '' ? '' : `?${ask}`}`);
        const target = url.pathname + url.search;
        const bodyless = verb === 'GET' || verb === 'HEAD';
        const headers = {
          'content-type': 'application/json',
          ...headersOf(form, verb, target, content, where),
        };
        const answer = await request(
          master,
          verb,
          target,
          bodyless ? { headers } : { headers, body: content },
        );
        expect(answer.status, String(answer.body.error)).to.be.below(500);
        if (answer.status >= 400 && verb !== 'HEAD') {
          expect(answer.body).to.have.property('STATUS', 'FAILURE');
          expect(answer.body).to.have.property('error').that.is.a('string').and.not.empty;
        }
        expect(master.service.changes).to.deep.equal([]);
      }),
      { numRuns: 1000 },
    );
    expect(master.logged.filter(({ level }) => Number(level) >= 50)).to.deep.equal([]);
  });
});
