// After compiling: joins the program with the libraries it uses, because reading a few files is most of what a start
// costs, and these are some 40 instead of 600. The library for other programs (`exports`) stays as it was compiled.
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const inRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

// The names of the pieces follow from their contents: those of before would stay for ever.
rmSync(inRoot('dist/bundle'), { recursive: true, force: true });
await build({
  entryPoints: [inRoot('dist/src/cli/main.js')],
  outdir: inRoot('dist/bundle'),
  bundle: true,
  // What a subcommand imports when it is called stays apart from what every start needs.
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  minifyWhitespace: true,
  minifySyntax: true,
  // Finds its native module beside its own files.
  external: ['@photostructure/sqlite'],
  // For the libraries that are CommonJS and ask for modules of Node.
  banner: {
    js: "import { createRequire as createRequireOfBundle } from 'node:module';\nconst require = createRequireOfBundle(import.meta.url);",
  },
  logLevel: 'warning',
});
