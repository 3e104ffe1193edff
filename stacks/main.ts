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
const { synthesize } = await import("./deployment.ts");
await synthesize(process.cwd());
