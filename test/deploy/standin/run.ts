/**
 * `node test/deploy/standin/run.ts CMD…` runs a command with stand-ins for those of the four vendors' Terraform providers that are not
 * in the mirror (../mirror.ts): for trying a deploy inside `mcpist sandbox --empty -- …` on a machine that cannot get the
 * vendors' own. Ends with the command's exit code.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { SANDBOX_VARIABLE } from "../../../contract/sandbox.ts";
import { cliConfig, DEFAULT_MIRROR, mirrored } from "../mirror.ts";
import { startStandIns } from "./start.ts";

const [command, ...args] = process.argv.slice(2);
if (command === undefined || !process.env[SANDBOX_VARIABLE]) {
  process.stderr.write(
    `error: ${command === undefined ? "no command" : "this terminal is not joined to a sandbox"} (ERR_USAGE)\n` +
      "hint:  mcpist sandbox --empty -- node test/deploy/standin/run.ts npx cdktn deploy 'sandbox-base-*' --skip-provider-lock\n",
  );
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), "mcpist-standin-"));
const config = join(folder, "terraformrc");
// No registry is asked: what is neither in the mirror nor a stand-in is refused.
writeFileSync(config, cliConfig(DEFAULT_MIRROR));
mkdirSync(DEFAULT_MIRROR, { recursive: true });
const standIns = await startStandIns(
  process.env,
  resolve(process.env["CDKTF_OUTDIR"] || "cdktf.out"),
  mirrored(DEFAULT_MIRROR),
);
const child = spawn(command, args, {
  stdio: "inherit",
  env: { ...process.env, TF_CLI_CONFIG_FILE: config, ...standIns.variables },
});
// The child gets Ctrl-C from the terminal too, and decides; this process only waits for it.
process.on("SIGINT", () => undefined);
const [code] = (await Promise.race([once(child, "exit"), once(child, "error").then(() => [127])])) as [number | null];
await standIns.close();
rmSync(folder, { recursive: true, force: true });
process.exitCode = code ?? 130;
