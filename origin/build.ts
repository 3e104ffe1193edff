/**
 * Bundles the origin into one file for its image: `node origin/build.ts [OUTPUT]`, default dist/origin/origin.mjs. The embedded database
 * is left out: an image serves a shared one.
 */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** CommonJS packages inside the bundle ask for Node's own modules through `require`. */
const BANNER =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';

await build({
  absWorkingDir: ROOT,
  entryPoints: ["origin/start.ts"],
  outfile: process.argv[2] ?? "dist/origin/origin.mjs",
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: false,
  legalComments: "eof",
  banner: { js: BANNER },
  external: ["@electric-sql/pglite", "pg-native"],
  logLevel: "warning",
});
