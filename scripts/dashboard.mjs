// After compiling: builds the page that the master serves (`dist/dashboard/`). Its scripts and styles are named after their
// contents, so that browsers may keep them forever, and each has a compressed copy. The manifest lists what is served.
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
