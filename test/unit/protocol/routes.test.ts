import { KindGuard } from '@sinclair/typebox';
import { Ajv } from 'ajv';
import { expect } from 'chai';
import type { RouteDeclaration } from '../../../src/protocol/route.js';
import { routes } from '../../../src/protocol/routes.js';

const declared: [string, RouteDeclaration][] = Object.entries(routes);

describe('the declared routes', () => {
  it('differ in method or path', () => {
    const keys = declared.map(([, { method, path }]) => `${method} ${path.replace(/:\w+/g, ':')}`);
    expect(new Set(keys).size).to.equal(keys.length);
  });

  it('begin with the version and declare exactly the parameters of their path', () => {
    for (const [name, { path, params }] of declared) {
      expect(path, name).to.match(/^\/v1(\/([:*]\w+|[\w.-]+))*$/);
      const named = [...path.matchAll(/[:*](\w+)/g)].map((match) => match[1]);
      expect(Object.keys(params.properties), name).to.have.members(named);
      expect(params.required ?? [], name).to.have.members(named);
    }
  });

  it('are only unsigned if they change nothing at the master and return no files of a project', () => {
    for (const [name, { method, path, signing }] of declared) {
      const isOfSession = path === '/v1/session';
      const isReading = method === 'GET' && !path.startsWith('/v1/pack');
      expect(signing === 'none', name).to.equal(isReading || isOfSession);
    }
  });

  it('are open without credentials only where a session begins', () => {
    const open = declared.filter(([, { isOpen }]) => isOpen === true).map(([, { path }]) => path);
    expect(new Set(open)).to.deep.equal(new Set(['/v1/session']));
  });

  it('permit holders of a control token to cancel, to rerun and to drain, and nothing else', () => {
    const permitted = declared.filter(([, { byControlToken }]) => byControlToken === true);
    expect(permitted.map(([name]) => name)).to.have.members(['updateBuild', 'rerunFailed', 'shutdownSlave']);
  });

  it('name only declared routes as children', () => {
    for (const [name, { children }] of declared) {
      for (const child of Object.values(children ?? {})) {
        expect(Object.hasOwn(routes, child), `${name}: ${child}`).to.equal(true);
      }
    }
  });

  it('refuse unknown fields in every request except the one that tells versions apart', () => {
    for (const [name, { params, query, body }] of declared.filter(([name]) => name !== 'registerSlave')) {
      for (const schema of [params, query, ...(body === null || body === 'stream' ? [] : [body])]) {
        for (const alternative of KindGuard.IsUnion(schema) ? schema.anyOf : [schema]) {
          expect(alternative, name).to.have.property('additionalProperties', false);
        }
      }
    }
  });

  it('have schemas that compile strictly', () => {
    const ajv = new Ajv({ strict: true, validateSchema: true });
    for (const [name, { params, query, body, response }] of declared) {
      const schemas = [params, query, body, response].filter((schema) => typeof schema === 'object');
      for (const schema of schemas) {
        if (schema !== null) {
          expect(() => ajv.compile(schema), name).not.to.throw();
        }
      }
    }
  });
});
