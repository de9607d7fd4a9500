// After compiling: bundles the program with its libraries into some 40 files instead of 600, since reading files takes most
// of the time of a start. The library for other programs (`exports`) stays as compiled.
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const inRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

// The names of the chunks depend on their contents, so old ones would stay forever.
rmSync(inRoot('dist/bundle'), { recursive: true, force: true });
await build({
  entryPoints: {
    main: inRoot('dist/src/cli/main.js'),
    // A thread of the master, which finds it beside its own chunk.
    'search-thread': inRoot('dist/src/master/consoles/search/search-thread.js'),
  },
  outdir: inRoot('dist/bundle'),
  bundle: true,
  // Keeps the dynamic imports of subcommands apart from what every start needs.
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  minifyWhitespace: true,
  minifySyntax: true,
  // It finds its native module beside its own files.
  external: ['@photostructure/sqlite'],
  // For CommonJS libraries that require modules of Node.
  banner: {
    js: "import { createRequire as createRequireOfBundle } from 'node:module';\nconst require = createRequireOfBundle(import.meta.url);",
  },
  logLevel: 'warning',
});
