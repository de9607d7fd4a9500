import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Value } from '@sinclair/typebox/value';
import { expect } from 'chai';
import { findPackageJSON } from '../../../src/lib/package-json.js';
import { errorStatus } from '../../../src/protocol/errors.js';
import type { RouteDeclaration } from '../../../src/protocol/route.js';
import { routes } from '../../../src/protocol/routes.js';
import { bodyHmac } from '../../../src/protocol/signing/signing.js';
import { ResultReportSchema } from '../../../src/protocol/slave/slave-messages.js';
import { type Example, examplesOf } from '../../support/api-page.js';

const root = dirname(fileURLToPath(new URL(`file://${findPackageJSON(import.meta.url)}`)));
const page = readFileSync(join(root, 'docs', 'api.md'), 'utf8');
const declared: RouteDeclaration[] = Object.values(routes);

const examples = examplesOf(page);

describe('docs/api.md', () => {
  it('has a section for every route, and for no other', () => {
    const headings = [...page.matchAll(/^### ((?:GET|POST|PUT|DELETE) .*)$/gm)].map((match) => match[1]);
    expect(headings).to.have.members(declared.map(({ method, path }) => `${method} ${path}`));
  });

  it('has no broken links within it', () => {
    const anchors = [...page.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      (title ?? '')
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    const links = [...page.matchAll(/\]\(#([^)]*)\)/g)].map((match) => match[1]);
    expect(links).not.to.deep.equal([]);
    expect(anchors).to.include.members(links);
  });

  for (const route of declared) {
    const name = `${route.method} ${route.path}`;
    it(`shows requests and responses of ${name} as they are declared`, () => {
      const ofRoute = examples.filter((example) => example.route === name);
      expect(ofRoute.map(({ response }) => response?.status)).to.include(route.status);
      for (const example of ofRoute) {
        expect(example.method).to.equal(route.method);
        expect(templateOf(example.target)).to.equal(templateOf(route.path));
        if (example.response?.status === route.status) {
          checkGood(route, example);
        } else if (example.response?.form === 'json') {
          const value: unknown = JSON.parse(example.response.text);
          expect(value).to.have.property('error').that.is.a('string');
          expect(value).to.have.property('STATUS', example.response.status < 300 ? 'SUCCESS' : 'FAILURE');
        }
      }
    });
  }

  it('shows the HMAC that its example of signing prints', () => {
    const shown = /^```text digest\n(\w+)\n```/m.exec(page)?.[1];
    expect(shown).to.equal(bodyHmac('an example secret', Buffer.from('{"status":"canceled"}')));
  });

  it('lists error codes with their status', () => {
    const rows = [...page.matchAll(/^\| (\d{3}) \| ([`A-Z_, ]+) \|/gm)];
    const listed = rows.flatMap(([, status, codes]) =>
      [...(codes ?? '').matchAll(/`(\w+)`/g)].map(([, code]) => [code, Number(status)]),
    );
    expect(listed).to.have.length.above(8);
    expect(Object.entries(errorStatus)).to.deep.include.members(listed);
  });
});

function checkGood(route: RouteDeclaration, example: Example): void {
  const { body, response } = route;
  // The one has a report before its archive; the other is nothing that could be shown.
  const isReport = body === 'stream' && route.path.endsWith('/result');
  const schema = isReport ? ResultReportSchema : body;
  if (schema === null || schema === 'stream') {
    expect(example.body).to.equal(null);
  } else {
    expect([...Value.Errors(schema, JSON.parse(example.body ?? ''))]).to.deep.equal([]);
  }
  if (typeof response === 'object') {
    const value: unknown = JSON.parse(example.response?.text ?? '');
    expect(value).to.have.property('STATUS', 'SUCCESS');
    expect([...Value.Errors(response, Value.Clean(response, value))]).to.deep.equal([]);
  }
}

/** The path without its parameters' names or values. */
function templateOf(target: string): string {
  return target
    .replace(/\?.*/, '')
    .replace(/(\/(?:artifact|show)\/)(?::folder|artifact_\d+_\d+)\/.+/, '$1:/:')
    .replace(/:\w+|\/(?:[0-9a-f]{40}|artifact_\d+_\d+|\d+)(?![^/])/g, (match) =>
      match.startsWith('/') ? '/:' : ':',
    );
}
