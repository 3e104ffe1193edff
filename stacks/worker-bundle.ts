/**
 * Bundles the Worker into the one module that its Terraform resource uploads. The Worker is read by path and never imported:
 * it is another program, with another runtime. The same sources give the same bytes, so an unchanged Worker plans no change.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { BuildOptions } from "esbuild";
import { err, ok, type Result } from "../contract/result.ts";

/** Where the bundle is written, relative to the checkout. */
const BUNDLE_PATH = "dist/worker/index.js";
const ENTRY = "worker/index.ts";
/** How the Worker is bundled, here and for the package: both upload the same bytes. */
export const WORKER_OPTIONS = {
  entryPoints: [ENTRY],
  bundle: true,
  format: "esm",
  platform: "browser",
  conditions: ["workerd", "worker", "browser"],
  external: ["cloudflare:*", "node:*"],
  target: "es2024",
  charset: "utf8",
  legalComments: "none",
  // Nothing outside the sources may change the bytes.
  tsconfigRaw: { compilerOptions: {} },
} satisfies BuildOptions;
/** Beside the compiled stacks of the package; in a checkout there is none. */
const PACKAGED = fileURLToPath(new URL("../worker/index.js", import.meta.url));

/**
 * Writes the bundle and gives its absolute path. `MCPIST_WORKER_BUNDLE` names a file that is taken as it is instead, for
 * pipelines that build and attest it in an earlier job. The package brings its Worker already bundled.
 *
 * @returns as error one sentence with what to do.
 */
export function bundleWorker(folder: string, prebuilt: string | undefined): Result<string, readonly string[]> {
  if (prebuilt) {
    const file = resolve(folder, prebuilt);
    if (!existsSync(file)) return err(["MCPIST_WORKER_BUNDLE: there is no such file"]);
    if (readFileSync(file).length === 0) return err(["MCPIST_WORKER_BUNDLE: the file is empty"]);
    return ok(file);
  }
  if (existsSync(PACKAGED)) return ok(PACKAGED);
  if (!existsSync(join(folder, ENTRY)))
    return err([
      `${ENTRY}: not found in this folder; run this in a checkout, or name a bundle in MCPIST_WORKER_BUNDLE`,
    ]);
  const outfile = join(folder, BUNDLE_PATH);
  try {
    // The package comes without a bundler.
    const { buildSync } = createRequire(import.meta.url)("esbuild") as typeof import("esbuild");
    const { outputFiles } = buildSync({ ...WORKER_OPTIONS, absWorkingDir: folder, write: false, logLevel: "silent" });
    writeWhole(outfile, outputFiles[0]?.contents ?? new Uint8Array());
  } catch (error) {
    return err([
      `${ENTRY}: cannot be bundled: ${error instanceof Error ? (error.message.split("\n", 2)[1] ?? error.message) : "unknown"}`,
    ]);
  }
  return ok(outfile);
}

/** Whoever reads it meanwhile, as another environment's deploy does, reads the former bytes or these. */
function writeWhole(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, bytes);
  renameSync(draft, path);
}
