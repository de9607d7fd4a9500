// After compiling: builds the page that the master serves (`dist/dashboard/`). Its scripts and styles are named after their
// contents, so that browsers may keep them forever, and each has a compressed copy. The manifest lists what is served.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const inRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const source = inRoot('src/dashboard');
const target = inRoot('dist/dashboard');

const types = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.html': 'text/html; charset=utf-8',
};

/** Where the master serves the assets. */
const PREFIX = '/ui/assets/';

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
const { metafile } = await build({
  entryPoints: ['dashboard.tsx', 'api/live-worker.ts', 'style/main.css', 'style/favicon.svg'].map((name) =>
    join(source, name),
  ),
  outdir: target,
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  minify: true,
  legalComments: 'none',
  loader: { '.svg': 'copy' },
  jsx: 'automatic',
  jsxImportSource: 'preact',
  metafile: true,
  logLevel: 'warning',
});

const assets = Object.entries(metafile.outputs).map(([path, { entryPoint }]) => ({
  name: basename(path),
  entry: entryPoint === undefined ? null : basename(entryPoint).replace(/\.tsx?$/, '.js'),
}));
const page = readFileSync(join(source, 'page.html'), 'utf8').replace(/\{\{(.*?)\}\}/g, (_, wanted) => {
  const asset = assets.find(({ entry }) => entry === wanted);
  if (asset === undefined) {
    throw new Error(`src/dashboard/page.html names ${wanted}, which is none of the built files.`);
  }
  return PREFIX + asset.name;
});
writeFileSync(join(target, 'page.html'), page);

let sum = 0;
const files = ['page.html', ...assets.map(({ name }) => name)].map((name) => {
  const packed = gzipSync(readFileSync(join(target, name)), { level: 9 });
  writeFileSync(join(target, `${name}.gz`), packed);
  sum += packed.length;
  return { name, type: types[extname(name)] };
});
writeFileSync(join(target, 'manifest.json'), `${JSON.stringify({ files }, null, 2)}\n`);
process.stdout.write(`The dashboard has ${files.length} files, ${(sum / 1024).toFixed(1)} KiB compressed.\n`);

// The report of a build is one file without others beside it: its script and its style are in it, and its policy permits only
// these, by their digests. A command puts the data in.
const MAX_REPORT_BYTES = 120 * 1024;
const { outputFiles } = await build({
  entryPoints: ['report/report.tsx', 'report/report.css'].map((name) => join(source, name)),
  outdir: join(target, 'unused'),
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
const partOf = (ending) => outputFiles.find(({ path }) => path.endsWith(ending)).text.trim();
const [script, style] = [partOf('.js'), partOf('.css')];
if (/<\/(script|style)|<!--|\{\{/i.test(script + style)) {
  throw new Error('The script or style of the report would end its element.');
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
  data: '<script type="text/plain" id="data">{{data}}</script>',
};
const report = readFileSync(join(source, 'report', 'report.html'), 'utf8').replace(
  /\{\{(policy|script|style|data)\}\}/g,
  (_, name) => parts[name],
);
if (report.length > MAX_REPORT_BYTES) {
  throw new Error(`The page of reports has ${report.length} bytes, more than ${MAX_REPORT_BYTES}.`);
}
writeFileSync(join(target, 'report.html'), report);
process.stdout.write(`The page of reports has ${(report.length / 1024).toFixed(1)} KiB.\n`);
