import Router from '@koa/router';
import { expect } from 'chai';
import fc from 'fast-check';
import { DirectRoutes } from '../../../../src/master/http/direct-routes.js';
import type { RouteDeclaration } from '../../../../src/protocol/route.js';
import { agentRoutes } from '../../../../src/protocol/routes/agent-routes.js';
import { routes } from '../../../../src/protocol/routes.js';

const declared: Readonly<Record<string, RouteDeclaration>> = routes;

describe('the direct routes of slaves', () => {
  const direct = new DirectRoutes<string>();
  const router = new Router({ sensitive: true });
  for (const [name, { method, path }] of Object.entries(declared)) {
    router.register(path, [method], () => undefined, { name });
    if (Object.hasOwn(agentRoutes, name)) {
      direct.add(method, path, name);
    }
  }

  it('are found by their paths with any ids', () => {
    for (const [name, { method, path }] of Object.entries<RouteDeclaration>(agentRoutes)) {
      const concrete = path.replace(/:\w+/g, '17');
      expect(direct.find(method, concrete)?.target, concrete).to.equal(name);
    }
  });

  it('lead any path to the route and the parameters that the router finds, if they lead anywhere', () => {
    const word = fc.constantFrom(
      ...new Set(Object.values(declared).flatMap(({ path }) => path.split('/'))),
      ':',
      '01',
      '7 ',
      '%37',
      '-1',
      '١',
      '1e3',
      '99999999999999999999',
    );
    const segment = fc.oneof(word, fc.nat().map(String), fc.string());
    const made = fc.oneof(
      fc.array(segment).map((segments) => `/${segments.join('/')}`),
      fc
        .tuple(
          fc.constantFrom(...Object.values(declared), ...Object.values<RouteDeclaration>(agentRoutes)),
          fc.infiniteStream(
            fc.oneof({ weight: 9, arbitrary: fc.nat().map(String) }, segment, fc.constantFrom(':', '01')),
          ),
        )
        .map(([{ path }, ids]) => path.replace(/[:*]\w+/g, () => ids.next().value)),
    );
    const methods = fc.constantFrom('POST', 'PUT', 'DELETE', 'GET', 'HEAD', 'post');
    let found = 0;
    fc.assert(
      fc.property(methods, made, (method, path) => {
        const one = direct.find(method, path);
        if (one !== null) {
          found += 1;
          const [layer] = router.match(path, method).pathAndMethod;
          expect(layer?.name).to.equal(one.target);
          expect(layer?.params(path, layer.captures(path))).to.deep.equal(one.params);
        }
      }),
      { numRuns: 5000 },
    );
    expect(found).to.be.above(20);
  });
});
