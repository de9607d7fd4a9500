// After compiling: builds the page of the reports that commands write (`dist/report/report.html`). It is one file: its script and
// its style are in it, and its policy permits only these, by their digests. A command puts the data in.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const inRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const source = inRoot('src/dashboard/report');
const target = inRoot('dist/report');

/** It is in each report. */
const MAX_BYTES = 100 * 1024;

const { outputFiles } = await build({
  entryPoints: ['report.tsx', 'report.css'].map((name) => join(source, name)),
  outdir: target,
  write: false,
  bundle: true,
  format: 'iife',
  platform: 'browser',
  target: 'es2022',
  minify: true,
  legalComments: 'none',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  logLevel: 'warning',
});
const [script, style] = ['.js', '.css'].map((ending) =>
  outputFiles.find(({ path }) => path.endsWith(ending)).text.trim(),
);
if (/<\/(script|style)|<!--|\{\{/i.test(script + style)) {
  throw new Error('The script or the style of the report would end its element.');
}
const digest = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const parts = {
  policy: [
    "default-src 'none'",
    `script-src ${digest(script)}`,
    `style-src ${digest(style)}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; '),
  script: `<script>${script}</script>`,
  style: `<style>${style}</style>`,
  data: '<script type="application/json" id="data">{{data}}</script>',
};
const report = readFileSync(join(source, 'report.html'), 'utf8').replace(
  /\{\{(policy|script|style|data)\}\}/g,
  (_, name) => parts[name],
);
const bytes = Buffer.byteLength(report);
if (bytes > MAX_BYTES) {
  throw new Error(`The page of reports has ${bytes} bytes, more than ${MAX_BYTES}.`);
}
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
writeFileSync(join(target, 'report.html'), report);
process.stdout.write(`The page of reports has ${(bytes / 1024).toFixed(1)} KiB.\n`);
