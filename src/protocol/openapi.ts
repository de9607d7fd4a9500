import { type TObject, type TSchema, Type } from '@sinclair/typebox';
import { errorStatus } from './errors.js';
import type { RouteDeclaration } from './route.js';

/*
 * The OpenAPI 3.1 document of the declared routes. TypeBox schemas are JSON Schema 2020-12, which OpenAPI 3.1
 * (https://spec.openapis.org/oas/v3.1.0) uses, so they are included as they are.
 */

const ErrorResponse = Type.Object({
  STATUS: Type.Literal('FAILURE'),
  code: Type.String({ enum: Object.keys(errorStatus) }),
  error: Type.String({ description: 'What happened and what to do, for people.' }),
});

const security = {
  none: [],
  'body-hmac': [{ bodyDigest: [] }, { parts: [] }],
  'http-signature': [{ parts: [] }],
} as const;

const controlToken = [{ token: [] }, { session: [] }] as const;

export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: unknown;
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly security: readonly unknown[];
  readonly parameters: readonly unknown[];
  readonly requestBody?: unknown;
  readonly responses: Readonly<Record<string, unknown>>;
}

/** `routes` by name, which becomes the operationId. */
export function openApiDocument(
  routes: Readonly<Record<string, RouteDeclaration>>,
  version: string,
): OpenApiDocument {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const [name, route] of Object.entries(routes)) {
    const path = route.path.replace(/[:*](\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(name, route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'ClusterRunner master',
      version,
      description: 'Distributed test runner. The same paths without /v1 are those of the newest version.',
    },
    paths,
    components: {
      securitySchemes: {
        bodyDigest: {
          type: 'apiKey',
          in: 'header',
          name: 'ClusterRunner-Message-Authentication-Digest',
          description: 'Hex HMAC-SHA512 of the exact bytes of the body under the shared secret.',
        },
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'A control token of `clusterrunner token --control`.',
        },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'clusterrunner_session',
          description:
            'A control token in the cookie of POST /v1/session, whose name ends with the port (`clusterrunner_session_43000`), ' +
            'with the Origin of the master.',
        },
        parts: {
          type: 'apiKey',
          in: 'header',
          name: 'Signature',
          description:
            'HTTP Message Signature (RFC 9421, hmac-sha256) over "@method" "@path" "@query" "content-digest" ' +
            'with created, expires, nonce and keyid, in Signature-Input and Signature.',
        },
      },
      responses: {
        Error: {
          description: 'The request was refused, and nothing changed.',
          content: { 'application/json': { schema: ErrorResponse } },
        },
      },
    },
  };
}

function operation(name: string, route: RouteDeclaration): Operation {
  return {
    operationId: name,
    summary: route.summary,
    security: [...security[route.signing], ...(route.byControlToken === true ? controlToken : [])],
    parameters: [...parameters('path', route.params), ...parameters('query', route.query)],
    ...(route.body === null ? {} : { requestBody: requestBody(route.body) }),
    responses: {
      [route.status]: {
        description: 'Done.',
        ...responseContent(route),
      },
      ...Object.fromEntries(
        Object.entries(route.alsoResponds ?? {}).map(([status, description]) => [status, { description }]),
      ),
      default: { $ref: '#/components/responses/Error' },
    },
  };
}

function responseContent(route: RouteDeclaration): Readonly<Record<string, unknown>> {
  if (route.response === 'redirect') {
    return {
      headers: { Location: { schema: { type: 'string' } } },
      content: jsonContent(Type.Object({ STATUS: Type.Literal('SUCCESS'), location: Type.String() })),
    };
  }
  return typeof route.response === 'string'
    ? { content: { [route.response]: {} } }
    : { content: jsonContent(responseSchema(route)) };
}

/** The declared response with the fields of every JSON response. */
export function responseSchema(route: RouteDeclaration): TSchema {
  if (typeof route.response === 'string') {
    throw new Error(`${route.method} ${route.path} has no JSON response, and so no schema.`);
  }
  const common = {
    STATUS: Type.Literal('SUCCESS'),
    ...(route.method === 'GET' ? { child_routes: Type.Record(Type.String(), Type.String()) } : {}),
  };
  return Type.Composite([route.response, Type.Object(common)], { additionalProperties: false });
}

function parameters(place: 'path' | 'query', schema: TObject): unknown[] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || required.has(name),
    schema: property,
  }));
}

function requestBody(body: TSchema | 'stream'): unknown {
  const content =
    body === 'stream'
      ? { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }
      : jsonContent(body);
  return { required: true, content };
}

function jsonContent(schema: TSchema) {
  return { 'application/json': { schema } };
}
