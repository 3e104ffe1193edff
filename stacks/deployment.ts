/**
 * The stacks of one environment from a configuration, for a project that has the package: `await deployment(config)` in stacks.ts, which
 * is what the CDKTF command line starts. What it wrote is held against the policy here: a violation is taken back before anybody can
 * deploy it. Exit codes: 0 written, 1 refused by the policy, 2 wrong configuration; nothing stays but after 0.
 */
import process from "node:process";
import type { ConfigInput } from "../contract/config.ts";
import { ok } from "../contract/result.ts";
import { noteOwnStacks, type OwnConstructs } from "./own.ts";
import { type ConfigSource, loadSettings } from "./settings.ts";
import { bundleWorker } from "./worker-bundle.ts";

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

/** The library of the stacks, or null with one line about what to install. */
async function loadApp(): Promise<typeof import("./app.ts") | null> {
  try {
    // The library takes longer to load than everything before it; a refusal need not wait for that.
    return await import("./app.ts");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const [, missing = "cdktf"] = /'((?:@[\w-]+\/)?[\w-]+)/.exec(message) ?? [];
    if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") throw cause;
    process.stderr.write(`error: the package "${missing}" is not installed (ERR_PEER_MISSING)\n`);
    process.stderr.write("hint:  npm install --save-dev cdktf constructs cdktn-cli\n");
    process.exitCode = 2;
    return null;
  }
}

/** Writes and judges the stacks of the environment that `MCPIST_ENV` names. Refusals become lines on stderr and the exit code. */
export async function synthesize(folder: string, source?: ConfigSource, own?: OwnConstructs): Promise<void> {
  const settings = await loadSettings(process.env, folder, source);
  if (!settings.ok) return refuse(settings.error);
  const bundle = bundleWorker(folder, process.env["MCPIST_WORKER_BUNDLE"]);
  if (!bundle.ok) return refuse(bundle.error);
  const library = await loadApp();
  if (library === null) return;
  const app = library.buildApp(settings.value, { bundle: bundle.value });
  const { beside, names } = library.besideOurs(app, settings.value);
  await own?.(beside);
  app.synth();
  noteOwnStacks(app.outdir, names);
  await judge(app.outdir);
}

/**
 * Writes the Terraform configuration of one environment (`MCPIST_ENV`, default `production`) to cdktf.out in the working directory, and
 * takes it back when the policy refuses it. Needs neither a token, nor an engine, nor the network.
 * @param config what mcpist.config.ts exports; `mcpist deploy --config FILE` takes what FILE exports instead
 * @param own adds constructs of your own beside ours: `({ stack }) => { new DnsRecord(stack("base", "dns"), "docs", …) }`
 */
export const deployment = (config: ConfigInput, own?: OwnConstructs): Promise<void> =>
  synthesize(process.cwd(), async () => ok(config), own);
export type { Beside, OwnConstructs } from "./own.ts";
