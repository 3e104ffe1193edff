/** Bundles the Worker into the one module that is uploaded. In memory: no temporary file, nothing to clean up. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** What the package brings instead of the sources; in a checkout there is none. */
const PACKAGED = fileURLToPath(new URL("../../worker/index.js", import.meta.url));
const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

/**
 * The gateway as one ES module, resolved as the Workers runtime resolves it.
 * @throws when worker/ does not bundle; the message is esbuild's, with file and line.
 */
export async function bundleWorker(entry = "worker/index.ts"): Promise<string> {
  if (existsSync(PACKAGED)) return readFile(PACKAGED, "utf8");
  // In a process of its own that ends with the build: esbuild's service is one for the whole process, and who stops it ends the build of another sandbox.
  const { buildSync } = await import("esbuild");
  const { outputFiles } = buildSync({
    absWorkingDir: REPOSITORY,
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    platform: "browser",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*"],
    logLevel: "silent",
  });
  const [file] = outputFiles;
  if (!file) throw new Error("esbuild wrote nothing");
  return file.text;
}
