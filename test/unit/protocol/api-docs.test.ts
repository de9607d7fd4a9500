import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Value } from '@sinclair/typebox/value';
import { expect } from 'chai';
import { findPackageJSON } from '../../../src/lib/package-json.js';
import { errorStatus } from '../../../src/protocol/errors.js';
import type { RouteDeclaration } from '../../../src/protocol/route.js';
import { routes } from '../../../src/protocol/routes.js';
import { documentDigest } from '../../../src/protocol/signing.js';
import { ResultReportSchema } from '../../../src/protocol/slave.js';

const root = dirname(fileURLToPath(new URL(`file://${findPackageJSON(import.meta.url)}`)));
const page = readFileSync(join(root, 'docs', 'api.md'), 'utf8');
const declared: RouteDeclaration[] = Object.values(routes);

/** Sections of the page by their heading, e.g. `GET /v1/build`. */
const sections = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map((section) => [section.split('\n', 1)[0] ?? '', section]),
);

function examples(section: string, kind: string): { label: string; value: unknown }[] {
  const blocks = section.matchAll(/^```json (\w+)(?: (\d+))?\n([\s\S]*?)^```/gm);
  return [...blocks]
    .filter(([, found]) => found === kind)
    .map(([, , label, text]) => ({ label: label ?? '', value: JSON.parse(text ?? '') }));
}

describe('docs/api.md', () => {
  it('has a section for every route, and for no other', () => {
    const documented = [...sections.keys()].filter((heading) => heading.includes('/v1'));
    expect(documented).to.have.members(declared.map(({ method, path }) => `${method} ${path}`));
  });

  for (const route of declared) {
    const name = `${route.method} ${route.path}`;
    it(`shows requests and answers of ${name} as they are declared`, () => {
      const section = sections.get(name) ?? '';
      const { body, answer } = route;
      const requests = examples(section, 'request');
      if (body === null || body === 'stream') {
        expect(requests).to.deep.equal([]);
      } else {
        expect(requests).not.to.deep.equal([]);
        for (const { value } of requests) {
          expect([...Value.Errors(body, value)]).to.deep.equal([]);
        }
      }
      if (typeof answer === 'object') {
        for (const { label, value } of examples(section, 'answer')) {
          expect(label).to.equal(String(route.status));
          expect(value).to.have.property('STATUS', 'SUCCESS');
          expect([...Value.Errors(answer, Value.Clean(answer, value))]).to.deep.equal([]);
        }
      }
      for (const { value } of examples(section, 'report')) {
        expect(Value.Check(ResultReportSchema, value)).to.equal(true);
      }
    });
  }

  it('shows the digest that its example of signing gives', () => {
    const shown = /^```text digest\n(\w+)\n```/m.exec(page)?.[1];
    expect(shown).to.equal(documentDigest('an example secret', Buffer.from('{"status":"canceled"}')));
  });

  it('lists error codes with the status that they have', () => {
    const rows = [...page.matchAll(/^\| (\d{3}) \| ([`A-Z_, ]+) \|/gm)];
    const listed = rows.flatMap(([, status, codes]) =>
      [...(codes ?? '').matchAll(/`(\w+)`/g)].map(([, code]) => [code, Number(status)]),
    );
    expect(listed).to.have.length.above(8);
    expect(Object.entries(errorStatus)).to.deep.include.members(listed);
  });
});
