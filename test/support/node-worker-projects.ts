/** Files of every kind that ends differently in mocha. */
export const MOCHA_PROJECT: Readonly<Record<string, string>> = {
  '.mocharc.json': '{ "require": ["./hooks.cjs"], "extension": ["cjs", "mjs", "js"], "forbid-only": true }\n',
  'hooks.cjs': `exports.mochaHooks = {
  beforeAll() { console.log('root hook'); },
  afterEach() { console.log('after ' + this.currentTest.title); },
};
`,
  'shop.cjs': 'exports.sold = [];\n',
  'package.json': '{ "name": "shop", "private": true }\n',
  'test/t_a_passes.cjs': `const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const { sold } = require('../shop.cjs');
describe('a shop', () => {
  it('sells', () => { assert.deepEqual(sold, []); sold.push('tea'); });
  it('has variables and artifacts', () => {
    assert.match(process.env.TEST_FILE, /t_a_passes/);
    fs.writeFileSync(process.env.ARTIFACT_DIR + '/note', 'kept');
  });
  it('prints in every way', () => {
    console.log('by console');
    console.error('by console, as error');
    process.stdout.write('by stream\\n');
    fs.writeSync(1, 'by descriptor\\n');
    spawnSync('sh', ['-c', 'echo by child; echo by child, as error >&2'], { stdio: 'inherit' });
  });
});
`,
  'test/t_b_isolated.cjs': `const assert = require('node:assert');
const { sold } = require('../shop.cjs');
it('sees nothing of other files', () => { assert.deepEqual(sold, []); });
`,
  'test/t_c_fails.cjs': `const assert = require('node:assert');
it('fails <here> & "there"', () => { assert.equal(1 + 1, 3); });
it('fails too', () => { throw 'no error'; });
it('passes', () => {});
`,
  'test/t_d_before.cjs': `describe('suite', () => {
  before('opens', () => { throw new Error('closed'); });
  it('never runs', () => {});
});
`,
  'test/t_e_after.cjs': `describe('suite', () => {
  afterEach(() => { throw new Error('cannot clean'); });
  it('runs', () => {});
  it('never runs', () => {});
});
`,
  'test/t_f_syntax.cjs': 'it("is broken", () => {\n',
  'test/t_g_missing.cjs': "require('./no-such-module');\nit('never runs', () => {});\n",
  'test/t_h_rejects.cjs': `it('passes', () => {});
it('leaves a rejection', (done) => { Promise.reject(new Error('unhandled')); setTimeout(done, 20); });
`,
  'test/t_i_late.cjs':
    "it('passes', () => { setTimeout(() => { throw new Error('after the end'); }, 50); });\n",
  'test/t_j_exits.cjs': "it('exits', () => { process.exit(3); });\n",
  'test/t_k_exits_well.cjs': "it('exits', () => { process.exit(0); });\nit('never runs', () => {});\n",
  'test/t_l_killed.cjs': "it('is killed', () => { process.kill(process.pid, 'SIGKILL'); });\n",
  'test/t_m_handle.cjs': `const { writeFileSync } = require('node:fs');
it('leaves a timer', () => { setTimeout(() => writeFileSync(process.env.ARTIFACT_DIR + '/late', ''), 100); });
`,
  'test/t_n_only.cjs': "it.only('is the only one', () => {});\nit('is another', () => {});\n",
  'test/t_o_skips.cjs':
    "it('is for later');\nit.skip('is skipped', () => {});\nit('skips', function () { this.skip(); });\n",
  'test/t_p_empty.cjs': '',
  'test/t_q_changes.cjs': `it('changes everything', () => {
  process.chdir('/');
  process.env.HOME = '/nowhere';
  delete process.env.PATH;
  process.umask(0o077);
  process.exitCode = 9;
  process.on('SIGTERM', () => {});
  process.on('exit', () => console.log('at the exit'));
});
`,
  'test/t_r_unchanged.cjs': `const assert = require('node:assert');
it('finds nothing changed', () => {
  assert.notEqual(process.cwd(), '/');
  assert.notEqual(process.env.HOME, '/nowhere');
  assert.notEqual(process.env.PATH, undefined);
  assert.notEqual(process.umask(), 0o077);
  assert.equal(process.exitCode, undefined);
  assert.equal(process.listenerCount('SIGTERM'), 0);
});
`,
  'test/t_s_module.mjs': `import assert from 'node:assert';
await Promise.resolve();
it('is a module', () => { assert.equal(typeof require, 'undefined'); });
`,
  'test/t_t_module_fails.mjs': "it('fails', () => { throw new Error('in a module'); });\n",
  'test/t_u_daemon.cjs': `const { spawn } = require('node:child_process');
it('leaves a process behind', () => { spawn('sleep', ['1000'], { detached: true, stdio: 'inherit' }).unref(); });
`,
  'test/t_v_exit_code.cjs': "it('passes', () => { process.on('exit', () => { process.exitCode = 4; }); });\n",
  'test/t_w_twice.cjs':
    "it('is done twice', (done) => { done(); setImmediate(done); });\nit('passes', (done) => setTimeout(done, 20));\n",
  'test/t_x_before_exit.cjs':
    "it('passes', () => { process.once('beforeExit', () => setTimeout(() => console.log('more work'), 10)); });\n",
  'test/t_y_rubbish.cjs': `it('a ]]> \\0\\ud800\\n\\u{1F375}', () => { throw new Error('\\u0001 <\\ud800>'); });
it('', () => { throw null; });
it('an object', () => { throw Object.assign(new Error(), { name: 5, message: { a: 1 }, stack: undefined }); });
`,
  'test/t_z_passes.cjs': "it('runs after all of these', () => {});\n",
};

/** Files that pass with the options of the project's settings, and with a module that is loaded in advance. */
export const OPTIONS_PROJECT: Readonly<Record<string, string>> = {
  '.mocharc.json': '{ "exit": true, "node-option": ["expose-gc"], "parallel": true, "extension": ["cjs"] }\n',
  'warm.cjs': 'globalThis.isWarm = true;\n',
  'test/t_a.cjs': `const assert = require('node:assert');
it('has the options', function () {
  assert.equal(this.timeout(), 12345);
  assert.equal(typeof gc, 'function');
  assert.equal(isWarm, true);
  assert.deepEqual(process.execArgv, ['--expose-gc']);
});
`,
  'test/t_b.cjs': "it('leaves a timer indefinitely', () => { setInterval(() => {}, 1000); });\n",
  'test/t_c.cjs': "it('passes', () => {});\n",
};

/** Files of every kind that ends differently in node:test. */
export const NODE_TEST_PROJECT: Readonly<Record<string, string>> = {
  'package.json': '{ "name": "shop", "private": true }\n',
  'test/t_a_passes.cjs': `const { test, describe, it } = require('node:test');
const fs = require('node:fs');
test('has artifacts', () => fs.writeFileSync(process.env.ARTIFACT_DIR + '/note', process.env.TEST_FILE));
describe('a shop', () => { it('sells', () => {}); });
`,
  'test/t_b_fails.mjs': `import { test } from 'node:test';
test('fails', () => { throw new Error('closed'); });
test('passes', async () => {});
`,
  'test/t_c_syntax.cjs': 'test("is broken", () => {\n',
  'test/t_d_rejects.cjs': `const { test } = require('node:test');
test('passes', () => { setTimeout(() => { throw new Error('after the end'); }, 20); });
`,
  'test/t_e_exits.cjs': "require('node:test').test('exits', () => { process.exit(3); });\n",
  'test/t_f_skips.cjs': `const { test } = require('node:test');
test('is skipped', { skip: true }, () => {});
test('is for later', { todo: true }, () => { throw new Error('not yet'); });
`,
  'test/t_g_empty.cjs': '',
  'test/t_h_killed.cjs':
    "require('node:test').test('is killed', () => { process.kill(process.pid, 'SIGKILL'); });\n",
  'test/t_i_exit_code.cjs': "require('node:test').test('passes', () => { process.exitCode = 5; });\n",
  'test/t_j_main.cjs': `const assert = require('node:assert');
require('node:test').test('is the main module', () => assert.equal(require.main, module));
`,
};
