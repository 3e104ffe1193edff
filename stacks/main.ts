/**
 * `node stacks/main.ts` writes the Terraform configuration of one environment to cdktf.out, with no terraform, no CLI and no
 * network. The CLIs (cdktn, cdktf) start the same file. Exit codes: 0 written, 2 wrong configuration (nothing written).
 */
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import process from "node:process";

// Most of a synthesis is the loading of libraries. The cache is the checkout's own: nobody else can write to it.
enableCompileCache(join(import.meta.dirname, "../node_modules/.cache/node-compile"));
const { loadSettings } = await import("./settings.ts");
const { bundleWorker } = await import("./worker-bundle.ts");

const folder = process.cwd();

function refuse(reasons: readonly string[]): void {
  for (const reason of reasons) process.stderr.write(`error: ${reason} (ERR_CONFIG)\n`);
  process.exitCode = 2;
}

const settings = await loadSettings(process.env, folder);
if (settings.ok) {
  const bundle = bundleWorker(folder, process.env["MCPIST_WORKER_BUNDLE"]);
  if (bundle.ok) {
    // The library takes longer to load than everything before it; a refusal need not wait for that.
    const { buildApp } = await import("./app.ts");
    buildApp(settings.value, { bundle: bundle.value }).synth();
  } else refuse(bundle.error);
} else refuse(settings.error);
