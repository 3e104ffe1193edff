/**
 * Makes base-edge as a later release would: with one more Durable Object migration. The CLIs start it in place of stacks/main.ts.
 * The class must be in the bundle that MCPIST_WORKER_BUNDLE names.
 */
import process from "node:process";
import { App } from "../../stacks/cdktf.ts";
import { EdgeStack } from "../../stacks/edge.ts";
import { loadSettings } from "../../stacks/settings.ts";
import { MIGRATIONS } from "../../stacks/worker-migrations.ts";

const settings = await loadSettings(process.env, process.cwd());
if (!settings.ok) throw new Error(settings.error.join("\n"));
const app = new App({ stackTraces: false });
new EdgeStack(app, settings.value, {
  bundle: process.env["MCPIST_WORKER_BUNDLE"] ?? "",
  migrations: [...MIGRATIONS, { tag: "v2", newSqliteClasses: ["Ledger"] }],
});
app.synth();
