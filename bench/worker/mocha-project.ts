import type { Files } from '../../test/support/project.js';

const SHOP = `'use strict';
const Koa = require('koa');
const bodyParser = require('koa-bodyparser');
const routing = require('@koa/router');

const Router = routing.Router ?? routing;

/** A server of one shop. */
exports.shop = (name) => {
  const app = new Koa();
  const router = new Router();
  router.get('/item/:id', (context) => { context.body = { id: Number(context.params.id), name }; });
  router.post('/item', (context) => { context.status = 201; context.body = context.request.body; });
  router.get('/moved', (context) => context.redirect('/item/1'));
  router.get('/broken', () => { throw new Error('no such shop'); });
  app.silent = true;
  app.use(bodyParser()).use(router.routes()).use(router.allowedMethods());
  return app;
};
`;

const REQUEST = `'use strict';
const http = require('node:http');

/** Starts the server, sends one request, and stops it. */
exports.request = (app, method, path, body) =>
  new Promise((resolve, reject) => {
    const server = http.createServer(app.callback()).listen(0, '127.0.0.1', () => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const { port } = server.address();
      const request = http.request({ port, host: '127.0.0.1', method, path, headers, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece) => { text += piece; }).on('end', () => {
          server.close(() => resolve({ status: response.statusCode, headers: response.headers, text }));
        });
      });
      request.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
    });
  });
`;

const testFile = (number: number) => `'use strict';
const assert = require('node:assert');
const { request } = require('./support/request');
const { shop } = require('../lib/shop');

describe('shop ${number}', () => {
  for (let id = 0; id < 12; id += 1) {
    it('finds item ' + id, async () => {
      const { status, headers, text } = await request(shop('${number}'), 'GET', '/item/' + id);
      assert.equal(status, 200);
      assert.match(headers['content-type'], /json/);
      assert.deepEqual(JSON.parse(text), { id, name: '${number}' });
    });
  }
  for (let count = 0; count < 6; count += 1) {
    it('adds ' + count + ' items', async () => {
      const { status, text } = await request(shop('${number}'), 'POST', '/item', { count });
      assert.equal(status, 201);
      assert.deepEqual(JSON.parse(text), { count });
    });
  }
  it('redirects', async () => {
    const { status, headers } = await request(shop('${number}'), 'GET', '/moved');
    assert.deepEqual([status, headers.location], [302, '/item/1']);
  });
  it('reports failures', async () => {
    const { status } = await request(shop('${number}'), 'GET', '/broken');
    assert.equal(status, ${number % 22 === 7 ? 404 : 500});
  });
  it.skip('sells items', () => {});
});
`;

/**
 * A project whose test files are of the kind that web frameworks have: each test starts a server and sends a request. One file
 * of 22 fails. Its libraries are in `node_modules`, which is not part of it.
 */
export function mochaProject(files: number): Files {
  return {
    'package.json': '{ "name": "shops", "private": true }\n',
    '.mocharc.json': '{ "require": ["./test/support/env.js"] }\n',
    'lib/shop.js': SHOP,
    'test/support/env.js': "process.env.NODE_ENV = 'test';\n",
    'test/support/request.js': REQUEST,
    ...Object.fromEntries(
      Array.from({ length: files }, (_, index) => [
        `test/shop-${String(index).padStart(3, '0')}.test.js`,
        testFile(index),
      ]),
    ),
  };
}
