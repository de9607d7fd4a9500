// After compiling: builds the page that the master serves (`dist/dashboard/`). Its scripts and styles are named after their
// contents, so that browsers may keep them forever, and each has a compressed copy. The manifest lists what is served.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import zopfli from '@gfx/zopfli';
import { build } from 'esbuild';
import { minify } from 'terser';

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
const pathsOf = (...names) => names.map((name) => join(source, name));
const options = {
  absWorkingDir: inRoot('.'),
  outdir: target,
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  minify: true,
  legalComments: 'none',
  loader: { '.svg': 'copy' },
  metafile: true,
  write: false,
  logLevel: 'warning',
};
const built = await Promise.all([
  // One script for all pages: in parts it is a tenth larger, and each part would cost a request.
  build({
    ...options,
    entryPoints: pathsOf('dashboard.tsx'),
    // Calls of `h` are smaller than those of the runtime that `tsconfig.json` names.
    jsx: 'transform',
    jsxFactory: 'h',
    jsxFragment: 'Fragment',
    inject: [inRoot('scripts/preact-jsx.mjs')],
    tsconfigRaw: { compilerOptions: { jsx: 'react', jsxFactory: 'h', jsxFragmentFactory: 'Fragment' } },
  }),
  build({ ...options, entryPoints: pathsOf('api/live-worker.ts', 'style/main.css', 'style/favicon.svg') }),
]);

const assets = new Map();
const entryPoints = Object.assign({}, ...built.map(({ metafile }) => metafile.outputs));
for (const { path, contents, text } of built.flatMap(({ outputFiles }) => outputFiles)) {
  const { entryPoint = path } = entryPoints[relative(inRoot('.'), path)] ?? {};
  const extension = extname(path);
  const content = extension === '.js' ? Buffer.from(await smaller(text)) : Buffer.from(contents);
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 10);
  const name = `${basename(path, extension)}-${hash}${extension}`;
  assets.set(basename(entryPoint).replace(/\.tsx?$/, '.js'), { name, content });
}
const page = readFileSync(join(source, 'page.html'), 'utf8').replace(/\{\{(.*?)\}\}/g, (_, wanted) => {
  const asset = assets.get(wanted);
  if (asset === undefined) {
    throw new Error(`src/dashboard/page.html names ${wanted}, which is none of the built files.`);
  }
  return PREFIX + asset.name;
});

let sum = 0;
const files = [];
for (const { name, content } of [{ name: 'page.html', content: Buffer.from(page) }, ...assets.values()]) {
  const packed = await zopfli.gzipAsync(content, { numiterations: 15 });
  writeFileSync(join(target, name), content);
  writeFileSync(join(target, `${name}.gz`), packed);
  sum += packed.length;
  files.push({ name, type: types[extname(name)] });
}
writeFileSync(join(target, 'manifest.json'), `${JSON.stringify({ files }, null, 2)}\n`);
process.stdout.write(`The dashboard has ${files.length} files, ${(sum / 1000).toFixed(1)} kB compressed.\n`);

/** Removes what esbuild leaves: some 3 % after compression, of which constants at their own side of comparisons are a part. */
async function smaller(script) {
  const { code } = await minify(script, {
    module: true,
    ecma: 2020,
    compress: { passes: 3, inline: 1, lhs_constants: false },
  });
  return code;
}
