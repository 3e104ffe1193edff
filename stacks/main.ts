/**
 * `node stacks/main.ts` writes the Terraform configuration of one environment to cdktf.out, with no terraform, no CLI and no
 * network. The CLIs (cdktn, cdktf) start the same file, so what it wrote is held against the policy here: a violation is taken back
 * before anybody can deploy it. Exit codes: 0 written, 1 refused by the policy, 2 wrong configuration; nothing stays but after 0.
 */
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import process from "node:process";

// Most of a synthesis is the loading of libraries. The cache is the checkout's own: nobody else can write to it, whatever the umask.
process.umask(process.umask() | 0o022);
enableCompileCache(join(import.meta.dirname, "../node_modules/.cache/node-compile"));
const { loadSettings } = await import("./settings.ts");
const { bundleWorker } = await import("./worker-bundle.ts");

const folder = process.cwd();

function refuse(reasons: readonly string[]): void {
  for (const reason of reasons) process.stderr.write(`error: ${reason} (ERR_CONFIG)\n`);
  process.exitCode = 2;
}

async function judge(outdir: string): Promise<void> {
  const { brokenRules, judgeSynthesis, withdraw } = await import("./check-files.ts");
  const broken = brokenRules();
  const judged = judgeSynthesis(outdir);
  const findings = [
    ...broken.map((sentence) => `${sentence}\n`),
    ...(judged.ok ? judged.value : [`${judged.error}\n`]),
  ];
  if (findings.length === 0) return;
  withdraw(outdir);
  for (const finding of findings) process.stderr.write(finding);
  process.stderr.write("error: the policy refuses what was synthesized, and nothing of it was kept (ERR_POLICY)\n");
  process.exitCode = 1;
}

const settings = await loadSettings(process.env, folder);
if (settings.ok) {
  const bundle = bundleWorker(folder, process.env["MCPIST_WORKER_BUNDLE"]);
  if (bundle.ok) {
    // The library takes longer to load than everything before it; a refusal need not wait for that.
    const { buildApp } = await import("./app.ts");
    const app = buildApp(settings.value, { bundle: bundle.value });
    app.synth();
    await judge(app.outdir);
  } else refuse(bundle.error);
} else refuse(settings.error);
