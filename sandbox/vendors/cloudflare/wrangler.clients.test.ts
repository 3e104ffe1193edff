/** The real wrangler against the emulator: every call must be answered, and none may be unknown. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NAMES, startKit, TOKEN, workerSource, type Kit } from "./test/emulator.ts";

const WRANGLER = join(dirname(createRequire(import.meta.url).resolve("wrangler/package.json")), "bin", "wrangler.js");
const VALUE = "canary-5d1f0c";
let kit: Kit;
let folder: string;

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly all: string;
}
/** Runs wrangler in the test's own folder, with an environment that has nothing of ours but the token. */
function wrangler(args: readonly string[], stdin = ""): Promise<Run> {
  const env = {
    PATH: process.env["PATH"],
    HOME: folder,
    CI: "1",
    NO_COLOR: "1",
    CLOUDFLARE_API_BASE_URL: kit.cloudflare.apiUrl,
    CLOUDFLARE_API_TOKEN: TOKEN,
    CLOUDFLARE_ACCOUNT_ID: NAMES.accountId,
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_LOG_PATH: join(folder, "logs"),
  };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [WRANGLER, ...args], { env, cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, stdout, all: stdout + stderr });
    });
    child.stdin?.end(stdin);
  });
}
const state = () => kit.cloudflare.workers().find(({ name }) => name === "gw")!;
const newest = () => state().versions.at(-1)!;
const shares = () => state().deployments.at(-1)!.shares;
const done = async (args: readonly string[], stdin?: string): Promise<Run> => {
  const run = await wrangler(args, stdin);
  expect(run.code, run.all).toBe(0);
  expect(run.all).not.toContain(VALUE);
  return run;
};

beforeAll(async () => {
  kit = await startKit();
  folder = await mkdtemp(join(tmpdir(), "mcpist-wrangler-"));
  await writeFile(join(folder, "index.js"), workerSource());
  const { result } = await kit.call<{ id: string }>("POST", "storage/kv/namespaces", { title: "gw" });
  const config = {
    name: "gw",
    main: "index.js",
    compatibility_date: "2026-06-01",
    workers_dev: false,
    kv_namespaces: [{ binding: "KV", id: result.id }],
    durable_objects: { bindings: [{ name: "COUNTER", class_name: "Counter" }] },
    migrations: [{ tag: "v1", new_sqlite_classes: ["Counter"] }],
    version_metadata: { binding: "VERSION" },
    ratelimits: [{ name: "RL", namespace_id: "1001", simple: { limit: 10, period: 60 } }],
    vars: { PLAIN: "x" },
    triggers: { crons: ["* * * * *"] },
  };
  await writeFile(join(folder, "wrangler.json"), JSON.stringify(config));
  await done(["deploy"]);
}, 600_000);
afterAll(async () => {
  await kit.cloudflare.close();
  await rm(folder, { recursive: true, force: true });
});

describe("wrangler", { shuffle: false, timeout: 240_000 }, () => {
  it("deploys a Worker with KV, a Durable Object, a rate limit and a schedule, and deploys it again", async () => {
    expect((await kit.ask("gw", "/count")).status).toBe(200);
    expect(newest().bindings.toSorted()).toEqual(["COUNTER", "KV", "PLAIN", "RL", "VERSION"]);
    await done(["deploy", "--tag", "again", "--message", "second"]);
    expect(newest().annotations).toMatchObject({ "workers/tag": "again", "workers/message": "second" });
    expect(
      (await kit.call<{ schedules: object[] }>("GET", "workers/scripts/gw/schedules")).result.schedules,
    ).toHaveLength(1);
  });

  it("puts, lists, bulk-writes and deletes secrets, which run at once", async () => {
    await done(["secret", "put", "SECRET"], VALUE);
    expect(kit.cloudflare.secretTextForTests("gw", newest().id, "SECRET")).toBe(VALUE);
    expect(shares()).toEqual([{ versionId: newest().id, percentage: 100 }]);
    await done(["secret", "bulk"], JSON.stringify({ A: "1", B: "2" }));
    await done(["secret", "delete", "A"]);
    const listed = JSON.parse((await done(["secret", "list"])).stdout) as { name: string }[];
    expect(listed.map(({ name }) => name).toSorted()).toEqual(["B", "SECRET"]);
  });

  it("stages a secret, deploys it at 0 % and then at 100 %, and steps back with force", async () => {
    const before = newest().id;
    await done(
      ["versions", "secret", "put", "SECRET", "--tag", "mcpist-gw-1", "--message", "mcpist rotate kid=1"],
      `${VALUE}-new`,
    );
    const staged = newest();
    expect(staged.annotations).toMatchObject({
      "workers/tag": "mcpist-gw-1",
      "workers/message": "mcpist rotate kid=1",
    });
    expect(shares()).toEqual([{ versionId: before, percentage: 100 }]);
    const listed = JSON.parse((await done(["versions", "list", "--json"])).stdout) as { id: string }[];
    expect(listed.map(({ id }) => id)).toContain(staged.id);

    const refused = await wrangler(["secret", "put", "SECRET"], VALUE);
    expect(refused.code).toBe(1);
    expect(refused.all).toContain("isn't currently deployed");

    await done(["versions", "deploy", `${before}@100%`, `${staged.id}@0%`, "-y"]);
    expect(shares()).toEqual([
      { versionId: before, percentage: 100 },
      { versionId: staged.id, percentage: 0 },
    ]);
    await done(["versions", "deploy", `${staged.id}@100%`, "-y"]);
    expect(shares()).toEqual([{ versionId: staged.id, percentage: 100 }]);
    expect((await done(["deployments", "list"])).stdout).toContain(staged.id);

    const back = await done(["rollback", before, "-y", "-m", "back"]);
    expect(back.all).toContain("The following secrets have changed");
    expect(shares()).toEqual([{ versionId: before, percentage: 100 }]);
    expect(kit.context.faults.calls.map(({ path }) => path)).toContain(
      `/client/v4/accounts/${NAMES.accountId}/workers/scripts/gw/deployments?force=true`,
    );
  });

  it("uploads a version that runs nowhere and keeps the secrets of the latest upload", async () => {
    const latest = kit.cloudflare.secretTextForTests("gw", newest().id, "SECRET");
    const running = shares();
    await done(["versions", "upload", "--tag", "uploaded"]);
    expect(newest().annotations).toMatchObject({ "workers/tag": "uploaded" });
    expect(kit.cloudflare.secretTextForTests("gw", newest().id, "SECRET")).toBe(latest);
    expect(shares()).toEqual(running);
  });

  it("makes a draft Worker when it puts a secret to a Worker that does not exist", async () => {
    await done(["secret", "put", "SECRET", "--name", "wrong-name"], VALUE);
    expect(kit.cloudflare.workers().map(({ name }) => name)).toContain("wrong-name");
  });

  it("writes and reads KV and knows who it is", async () => {
    const id = [...JSON.parse((await done(["kv", "namespace", "list"])).stdout)][0].id as string;
    await done(["kv", "key", "put", "--remote", "--namespace-id", id, "a/b", "value"]);
    expect((await done(["kv", "key", "get", "--remote", "--namespace-id", id, "a/b"])).stdout.trim()).toBe("value");
    expect((await done(["kv", "key", "list", "--remote", "--namespace-id", id])).stdout).toContain("a/b");
    expect((await done(["whoami"])).stdout).toContain(NAMES.accountId);
    const file = async (name: string, content: unknown): Promise<string> => {
      await writeFile(join(folder, name), JSON.stringify(content));
      return name;
    };
    const bulk = async (verb: string, name: string, ...more: readonly string[]) =>
      (await done(["kv", "bulk", verb, name, "--remote", "--namespace-id", id, ...more])).stdout;
    await bulk(
      "put",
      await file("pairs.json", [
        { key: "one", value: "1" },
        { key: "two", value: "2" },
      ]),
    );
    const keys = await file("keys.json", ["one", "two", "absent"]);
    expect(await bulk("get", keys)).toContain('"two"');
    await bulk("delete", keys, "--force");
    const left = await done(["kv", "key", "list", "--remote", "--namespace-id", id]);
    expect(JSON.parse(left.stdout)).toMatchObject([{ name: "a/b" }]);
  });

  it("never met a call that is not imitated", () => {
    const unknown = kit.context.faults.calls
      .filter(({ known }) => !known)
      .map(({ method, path }) => `${method} ${path}`);
    expect(unknown).toEqual([]);
    expect(kit.context.faults.calls.length).toBeGreaterThan(40);
  });
});
