import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { WORKER_SHAPE } from "../sandbox/provision.ts";
import { COMPATIBILITY_DATE, SCHEDULE } from "../stacks/edge.ts";
import { resourceOf, settingsOf, synthesizeEdge } from "../stacks/test/synthesis.ts";
import { MIGRATIONS } from "../stacks/worker-migrations.ts";

interface Wrangler {
  readonly name: string;
  readonly compatibility_date: string;
  readonly workers_dev: boolean;
  readonly version_metadata: { readonly binding: string };
  readonly kv_namespaces: readonly { readonly binding: string }[];
  readonly durable_objects: { readonly bindings: readonly { readonly name: string; readonly class_name: string }[] };
  readonly migrations: readonly { readonly tag: string; readonly new_sqlite_classes: readonly string[] }[];
  readonly ratelimits: readonly {
    readonly name: string;
    readonly simple: { readonly limit: number; readonly period: number };
  }[];
  readonly triggers: { readonly crons: readonly string[] };
}

/** JSON with whole-line comments and trailing commas, which is all that the file uses. */
const wrangler = JSON.parse(
  readFileSync(join(import.meta.dirname, "../worker/wrangler.jsonc"), "utf8")
    .replaceAll(/^\s*\/\/.*$/gm, "")
    .replaceAll(/,(\s*[}\]])/g, "$1"),
) as Wrangler;
const script = resourceOf(synthesizeEdge(settingsOf()), "cloudflare_workers_script");
const bindings = script["bindings"] as readonly Readonly<Record<string, unknown>>[];

const ROOT = join(import.meta.dirname, "..");
/** Offline: the command that a person runs, with a home of its own and no account. */
function runWrangler(args: readonly string[]) {
  const env = { PATH: process.env["PATH"] ?? "", HOME: tmpdir(), WRANGLER_SEND_METRICS: "false", CI: "true" };
  return spawnSync(process.execPath, [join(ROOT, "node_modules/wrangler/bin/wrangler.js"), ...args], {
    cwd: ROOT,
    env,
    encoding: "utf8",
  });
}

describe("the Worker's shape", () => {
  it("is the same in Terraform and in wrangler.jsonc", () => {
    const byHand = [
      ...wrangler.durable_objects.bindings.map(({ name, class_name }) => ({
        name,
        type: "durable_object_namespace",
        class_name,
      })),
      { name: wrangler.version_metadata.binding, type: "version_metadata" },
      ...wrangler.kv_namespaces.map(({ binding }) => ({ name: binding, type: "kv_namespace" })),
      ...wrangler.ratelimits.map(({ name, simple }) => ({ name, type: "ratelimit", simple })),
    ];
    // Ids belong to an account, and the configuration to an installation.
    const declared = bindings
      .filter(({ name }) => name !== "MCPIST_CONFIG")
      .map(({ namespace_id: _id, ...rest }) => rest)
      .toSorted((a, b) => String(a["name"]).localeCompare(String(b["name"])));
    expect(declared).toEqual(byHand.toSorted((a, b) => a.name.localeCompare(b.name)));
    expect(script["compatibility_date"]).toBe(wrangler.compatibility_date);
    expect(MIGRATIONS.map(({ tag, newSqliteClasses }) => ({ tag, new_sqlite_classes: newSqliteClasses }))).toEqual(
      wrangler.migrations,
    );
    expect(wrangler.triggers.crons).toEqual([SCHEDULE]);
    expect(wrangler.workers_dev).toBe(false);
  });

  it("is what the generated types say", () => {
    const args = [
      "types",
      "worker/bindings.d.ts",
      "--config",
      "worker/wrangler.jsonc",
      "--include-runtime",
      "false",
      "--check",
    ];
    expect(runWrangler([...args, "--env-interface", "Bindings"])).toMatchObject({ status: 0 });
  });

  it("is accepted by wrangler, and fits the Free plan's 3 MB", () => {
    const outdir = mkdtempSync(join(tmpdir(), "mcpist-wrangler-"));
    const { status, stdout } = runWrangler([
      "deploy",
      "--dry-run",
      "--config",
      "worker/wrangler.jsonc",
      "--outdir",
      outdir,
    ]);
    rmSync(outdir, { recursive: true, force: true });
    expect(status).toBe(0);
    for (const { name } of bindings.filter((binding) => binding["name"] !== "MCPIST_CONFIG"))
      expect(stdout).toContain(`env.${String(name)}`);
    const compressed = Number(/gzip: ([\d.]+) KiB/.exec(stdout)?.[1]);
    expect(compressed).toBeGreaterThan(0);
    expect(compressed).toBeLessThan(3000);
  });

  it("is the same in Terraform and in the sandbox's own provisioning", () => {
    expect(WORKER_SHAPE.compatibilityDate).toBe(COMPATIBILITY_DATE);
    expect(WORKER_SHAPE.cron).toBe(SCHEDULE);
    const { binding, className } = WORKER_SHAPE.durableObject;
    expect(bindings).toContainEqual({ name: binding, type: "durable_object_namespace", class_name: className });
    const names = bindings.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([WORKER_SHAPE.kvBinding, ...WORKER_SHAPE.rateLimits.map((limit) => limit.binding)]),
    );
  });
});
