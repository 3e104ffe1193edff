/** The vendors' programs, those that are installed, against a sandbox: what each of their everyday commands comes to. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { vendorClient } from "../../sandbox/client.ts";
import { findClient, REQUIRED, runnerOf, type Run } from "../../sandbox/test/client.ts";
import { startLightCloud, type LightCloud } from "../light-cloud.ts";
import { PROGRAMS, type Names, type Program } from "./programs.ts";
import { outcomeOf, type Result } from "./results.ts";
import { REPORT, RESULTS } from "./write-table.ts";

const WRANGLER = join(dirname(createRequire(import.meta.url).resolve("wrangler/package.json")), "bin", "wrangler.js");
const committed = JSON.parse(readFileSync(RESULTS, "utf8")) as readonly Result[];
const seen: Result[] = [];
let cloud: LightCloud;
let names: Names;

beforeAll(async () => {
  cloud = await startLightCloud({ timings: { listLagMs: 0, edgeLagMs: 0 } });
  const { environment, sandbox } = cloud;
  const { cloudflare, github, origins } = environment;
  const koyeb = origins.find(({ kind }) => kind === "koyeb");
  const fly = origins.find(({ kind }) => kind === "fly");
  if (koyeb?.kind !== "koyeb" || fly?.kind !== "fly") throw new TypeError("the sandbox has both platforms");
  const call = vendorClient(sandbox.urls, sandbox.context.tokens);
  const config = { image: "sandbox.local/origin:dev", guest: { cpu_kind: "shared", cpus: 1, memory_mb: 256 } };
  const made = await call("fly", "POST", `/v1/apps/${fly.app}/machines`, { name: "by-hand", config });
  const worker = sandbox.cloudflare.workers().find(({ name }) => name === cloudflare.worker);
  const account = `/accounts/${cloudflare.accountId}`;
  const namespaces = await call("cloudflare", "GET", `${account}/storage/kv/namespaces`);
  const secrets = await call("koyeb", "GET", "/v1/secrets");
  const first = (answer: unknown, key: string, field: string): string => {
    const [item] = (answer as Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>)[key] ?? [];
    return String(item?.[field]);
  };
  await call("fly", "POST", "/v1/apps", { app_name: "spare-app", org_slug: "personal" });
  // For the commands that change or delete a Worker.
  await call("cloudflare", "PUT", `${account}/workers/scripts/spare`, spare());
  names = {
    repository: `${github.owner}/${github.repo}`,
    environment: github.environment,
    worker: cloudflare.worker,
    versionId: worker?.deployments.at(-1)?.shares[0]?.versionId ?? "",
    namespace: first(namespaces, "result", "id"),
    flyApp: fly.app,
    machine: String(made?.["id"]),
    koyebSecret: first(secrets, "secrets", "name"),
    koyebApp: koyeb.app,
    service: `${koyeb.app}/${koyeb.service}`,
  };
}, 120_000);

afterAll(async () => {
  mkdirSync(dirname(REPORT), { recursive: true });
  writeFileSync(REPORT, `${JSON.stringify(seen, null, 1)}\n`);
  await cloud.close();
});

/** The smallest Worker. */
function spare(): FormData {
  const form = new FormData();
  form.set("metadata", JSON.stringify({ main_module: "index.js", compatibility_date: "2026-06-01" }));
  const code = "export default { fetch: () => new Response('') };";
  form.set("index.js", new Blob([code], { type: "application/javascript+module" }), "index.js");
  return form;
}

/** @returns null when the program is not installed. */
function runOf({ name }: Program): Run | null {
  const environment = () => ({ ...cloud.sandbox.env, CI: "1", WRANGLER_SEND_METRICS: "false" });
  if (name !== "wrangler") {
    const found = findClient(name);
    return found === null ? null : runnerOf(found, environment);
  }
  const run = runnerOf(process.execPath, environment);
  return (args, input) => run([WRANGLER, ...args], input);
}

describe("the vendors' programs", { shuffle: false }, () => {
  it.each(PROGRAMS)("$name does what the table says", { timeout: 600_000 }, async (program) => {
    const run = runOf(program);
    if (!run) {
      seen.push({ program: program.name, version: null, commands: [] });
      expect(REQUIRED, `${program.name} is not installed`).not.toContain(program.name);
      expect(findClient(program.name)).toBeNull();
      return;
    }
    const printed = (await run(program.version)).text;
    // A program that was built from its source prints the date, or no number at all.
    const version = /-dev\.|^develop\s/.test(printed) ? "(built)" : (/\d+\.\d+(\.\d+)?/.exec(printed)?.[0] ?? "");
    const commands: { name: string; outcome: ReturnType<typeof outcomeOf> }[] = [];
    const said: string[] = [];
    for (const { name, args, input } of program.commands(names)) {
      const before = cloud.sandbox.faults.calls.length;
      const ran = await run(args, input);
      const unknown = cloud.sandbox.faults.calls.slice(before).filter((call) => !call.known);
      const outcome = outcomeOf({ ...ran, unknown: unknown.length });
      commands.push({ name, outcome });
      said.push(
        `${name}: ${outcome} ${unknown.map(({ method, path }) => `${method} ${path}`).join(", ")}\n${ran.text}`,
      );
    }
    seen.push({ program: program.name, version, commands });
    const expected = committed.find((result) => result.program === program.name)?.commands;
    expect(commands, said.join("\n")).toEqual(expected);
  });
});
