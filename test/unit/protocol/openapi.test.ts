import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import { openApiDocument } from '../../../src/protocol/openapi.js';
import type { RouteDeclaration } from '../../../src/protocol/route.js';
import { routes } from '../../../src/protocol/routes.js';

const declared: [string, RouteDeclaration][] = Object.entries(routes);
const document = openApiDocument(routes, '1.2.3');
/** As programs get it: symbols of TypeBox and undefined values are not in it. */
const sent: unknown = JSON.parse(JSON.stringify(document));

/** Every value in the document with its key, deep first. */
function* entries(value: unknown): Generator<[key: string, value: unknown]> {
  if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      yield* entries(inner);
      yield [key, inner];
    }
  }
}

function resolve(reference: string): unknown {
  return reference
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>(
      (place, step) =>
        typeof place === 'object' && place !== null ? new Map(Object.entries(place)).get(step) : undefined,
      sent,
    );
}

/** The shape that https://spec.openapis.org/oas/v3.1.0 asks for, as far as this document uses it. */
const parameter = {
  type: 'object',
  required: ['name', 'in', 'required', 'schema'],
  properties: {
    name: { type: 'string' },
    in: { enum: ['path', 'query'] },
    required: { type: 'boolean' },
    schema: { type: 'object' },
  },
  additionalProperties: false,
};
const content = {
  type: 'object',
  minProperties: 1,
  propertyNames: { pattern: '^[a-z]+/[a-z-]+(; [a-z0-9=.-]+)*$' },
  additionalProperties: {
    type: 'object',
    properties: { schema: { type: 'object' } },
    additionalProperties: false,
  },
};
const response = {
  oneOf: [
    {
      type: 'object',
      required: ['description'],
      properties: { description: { type: 'string' }, content, headers: { type: 'object' } },
      additionalProperties: false,
    },
    {
      type: 'object',
      required: ['$ref'],
      properties: { $ref: { type: 'string' } },
      additionalProperties: false,
    },
  ],
};
const operation = {
  type: 'object',
  required: ['operationId', 'summary', 'security', 'parameters', 'responses'],
  properties: {
    operationId: { type: 'string', pattern: '^\\w+$' },
    summary: { type: 'string', minLength: 1 },
    security: { type: 'array', items: { type: 'object', additionalProperties: { type: 'array' } } },
    parameters: { type: 'array', items: parameter },
    requestBody: {
      type: 'object',
      required: ['content', 'required'],
      properties: { content, required: { type: 'boolean' } },
      additionalProperties: false,
    },
    responses: {
      type: 'object',
      required: ['default'],
      propertyNames: { pattern: '^([1-5]\\d\\d|default)$' },
      additionalProperties: response,
    },
  },
  additionalProperties: false,
};
const openApi = {
  type: 'object',
  required: ['openapi', 'info', 'paths', 'components'],
  properties: {
    openapi: { const: '3.1.0' },
    info: {
      type: 'object',
      required: ['title', 'version'],
      properties: { title: { type: 'string' }, version: { type: 'string' }, description: { type: 'string' } },
      additionalProperties: false,
    },
    paths: {
      type: 'object',
      propertyNames: { pattern: '^/' },
      additionalProperties: {
        type: 'object',
        minProperties: 1,
        propertyNames: { enum: ['get', 'post', 'put', 'delete'] },
        additionalProperties: operation,
      },
    },
    components: {
      type: 'object',
      properties: {
        securitySchemes: { type: 'object' },
        responses: { type: 'object', additionalProperties: response },
      },
      additionalProperties: false,
    },
  },
  additionalProperties: false,
};

describe('the OpenAPI document', () => {
  it('has exactly the declared routes, each once', () => {
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => [
        `${method.toUpperCase()} ${path}`,
        operationId,
      ]),
    );
    expect(documented).to.have.deep.members(
      declared.map(([name, { method, path }]) => [`${method} ${path.replace(/[:*](\w+)/g, '{$1}')}`, name]),
    );
  });

  it('has the shape of OpenAPI 3.1', () => {
    const ajv = new Ajv2020({ strict: false });
    expect(ajv.validate(openApi, sent), ajv.errorsText()).to.equal(true);
  });

  it('declares every parameter of a path, and which parameters are optional', () => {
    for (const [name, { path, params, query, method }] of declared) {
      const documented = document.paths[path.replace(/[:*](\w+)/g, '{$1}')]?.[method.toLowerCase()];
      expect(
        documented?.parameters.map((one) => JSON.parse(JSON.stringify(one))),
        name,
      ).to.deep.equal([
        ...Object.entries(params.properties).map(([key, schema]) => ({
          name: key,
          in: 'path',
          required: true,
          schema: JSON.parse(JSON.stringify(schema)),
        })),
        ...Object.entries(query.properties).map(([key, schema]) => ({
          name: key,
          in: 'query',
          required: query.required?.includes(key) ?? false,
          schema: JSON.parse(JSON.stringify(schema)),
        })),
      ]);
    }
  });

  it('has schemas that are JSON Schema 2020-12', () => {
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, formats: { binary: true } });
    let seen = 0;
    for (const [key, value] of entries(sent)) {
      if (key === 'schema' && typeof value === 'object' && value !== null) {
        ajv.compile(value);
        seen += 1;
      }
    }
    expect(seen).to.be.above(declared.length);
  });

  it('has no broken references', () => {
    const references = [...entries(sent)].filter(([key]) => key === '$ref').map(([, value]) => String(value));
    expect(references).not.to.deep.equal([]);
    for (const reference of references) {
      expect(resolve(reference), reference).to.be.an('object');
    }
    const schemes = Object.keys(Object(resolve('#/components/securitySchemes')));
    for (const [key, value] of entries(sent)) {
      if (key === 'security' && Array.isArray(value)) {
        expect(schemes).to.include.members(value.flatMap((one) => Object.keys(one)));
      }
    }
  });
});
