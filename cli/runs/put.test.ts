import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createContext } from "../../sandbox/vendors/context.ts";
import { startFly, type Fly } from "../../sandbox/vendors/fly/fly.ts";
import { startGithub, type Github } from "../../sandbox/vendors/github/github.ts";
import { startKoyeb, type Koyeb } from "../../sandbox/vendors/koyeb/koyeb.ts";
import type { VendorContext } from "../../sandbox/vendors/vendor.ts";
import { run } from "../program.ts";
import { ENVIRONMENT_INPUT } from "../test/environment.ts";
import { formsOf, testContext, type TestContextOptions } from "../test/test-context.ts";

const URL_CANARY = "postgres://origin:canary-5f0c6a1be2d49317@db.example.com:5432/postgres?sslmode=verify-full";

let vendor: VendorContext;
let github: Github;
let koyeb: Koyeb;
let fly: Fly;
let folder = "";

beforeEach(async () => {
  vendor = createContext({ log: () => undefined, timings: { githubLagMs: 0, listLagMs: 0 } });
  [github, koyeb, fly] = await Promise.all([
    startGithub(vendor, { owner: "acme", repo: "mcp" }),
    startKoyeb(vendor),
    startFly(vendor),
  ]);
  folder = await mkdtemp(join(tmpdir(), "mcpist-put-"));
  await writeFile(
    join(folder, "mcpist.config.ts"),
    `export default ${JSON.stringify({ environments: { production: ENVIRONMENT_INPUT } })};\n`,
  );
  await call(fly.url, vendor.tokens.fly, "POST", "/v1/apps", { app_name: "mcpist-origin", org_slug: "personal" });
});
afterEach(async () => {
  await Promise.all([github.close(), koyeb.close(), fly.close(), rm(folder, { recursive: true, force: true })]);
});

async function call(url: string, token: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const headers = { authorization: `Bearer ${token}` };
  return (
    await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  ).json();
}
async function put(argv: readonly string[], options: TestContextOptions = {}) {
  const { github: gh, cloudflare, koyeb: ky, fly: fl } = vendor.tokens;
  const context = testContext({
    cwd: folder,
    fetch,
    realTime: true,
    env: {
      GITHUB_API_URL: github.url,
      KOYEB_URL: koyeb.url,
      FLY_FLAPS_BASE_URL: fly.url,
      GH_TOKEN: gh,
      CLOUDFLARE_API_TOKEN: cloudflare,
      KOYEB_TOKEN: ky,
      FLY_API_TOKEN: fl,
    },
    ...options,
  });
  const code = await run(["secrets", "put", ...argv, "--env", "production"], context);
  return { code, out: context.out(), err: context.err() };
}
/** What Koyeb holds; only the test may look. */
async function held(name: string): Promise<string | null> {
  const { secrets } = (await call(koyeb.url, vendor.tokens.koyeb, "GET", "/v1/secrets?limit=100")) as {
    secrets: { id: string; name: string }[];
  };
  const found = secrets.find((secret) => secret.name === name);
  if (!found) return null;
  return (
    (await call(koyeb.url, vendor.tokens.koyeb, "POST", `/v1/secrets/${found.id}/reveal`, {})) as { value: string }
  ).value;
}
const writes = () =>
  vendor.faults.calls.filter(({ vendor: name, method }) => method !== "GET" && name !== "github").length;
const digests = async () => call(fly.url, vendor.tokens.fly, "GET", "/v1/apps/mcpist-origin/secrets");

describe("mcpist secrets put", () => {
  it("takes the value from stdin without its line end, and puts it to every origin, under the lock", async () => {
    const { code, out, err } = await put(["DATABASE_URL"], { stdin: `${URL_CANARY}\n` });
    expect(code).toBe(0);
    expect(out).toBe("done DATABASE_URL is at koyeb, fly\n");
    expect(await held("mcpist-production-database-url")).toBe(URL_CANARY);
    expect(await digests()).toMatchObject({ secrets: [{ name: "DATABASE_URL" }, { name: "DATABASE_URL_MARK" }] });
    const history = testContext({
      cwd: folder,
      fetch,
      env: {
        GITHUB_API_URL: github.url,
        GH_TOKEN: vendor.tokens.github,
        CLOUDFLARE_API_TOKEN: "cf-token",
        KOYEB_TOKEN: "koyeb-tok",
        FLY_API_TOKEN: "fly-token",
      },
    });
    await run(["secrets", "history", "--env", "production"], history);
    expect(history.out()).toMatch(/released[\s\S]*put DATABASE_URL[\s\S]*acquired/);
    for (const form of formsOf(URL_CANARY)) expect(out + err + history.out()).not.toContain(form);
  });

  it("replaces a value, and says in JSON where it is", async () => {
    await put(["DATABASE_URL"], { stdin: "postgres://first@x/y?sslmode=verify-full" });
    const { out } = await put(["DATABASE_URL", "--json"], { stdin: URL_CANARY });
    expect(JSON.parse(out)).toMatchObject({
      command: "secrets put",
      ok: true,
      exitCode: 0,
      name: "DATABASE_URL",
      targets: ["koyeb", "fly"],
    });
    expect(await held("mcpist-production-database-url")).toBe(URL_CANARY);
  });

  it("makes a random value where that is what the secret is, and only there", async () => {
    const { code, out, err } = await put(["REQUEST_STATE_KEY", "--generate"]);
    expect(code).toBe(0);
    const value = await held("mcpist-production-request-state-key");
    expect(value).toMatch(/^[0-9a-f]{64}$/);
    expect(out + err).not.toContain(value);
    expect((await put(["DATABASE_URL", "--generate"])).err).toContain(
      "DATABASE_URL cannot be generated: it is a postgres:// URL without white space",
    );
  });

  it.each([
    ["is empty", "\n", "DATABASE_URL is empty: nothing was sent"],
    [
      "has another shape",
      "canary-5f0c6a1be2d49317",
      "DATABASE_URL is not a postgres:// URL without white space: nothing was sent",
    ],
    [
      "has white space in it",
      "postgres://canary-5f0c6a1be2d49317 @x/y",
      "DATABASE_URL is not a postgres:// URL without white space: nothing was sent",
    ],
    [
      "would be refused by the origin",
      "postgres://canary-5f0c6a1be2d49317@db.example.com/y?sslmode=no-verify",
      "DATABASE_URL must say sslmode=verify-full (sslmode=disable is for this machine, and for .internal and .flycast): nothing was sent",
    ],
    ["is too long", `postgres://${"canary-5f0c6a1be2d49317".repeat(3000)}`, "the value is longer than 48000 bytes"],
  ])("sends nothing that %s, and does not repeat it", async (_what, stdin, message) => {
    const before = writes();
    const { code, out, err } = await put(["DATABASE_URL"], { stdin });
    expect(code).toBe(2);
    expect(err).toContain(`error: ${message} (ERR_SECRET_SHAPE)`);
    expect(out + err).not.toContain("canary-5f0c6a1be2d49317");
    expect(writes()).toBe(before);
  });

  it("sends nothing that a Worker cannot take, although everybody else could", async () => {
    const secrets = { OWN_KEY: { purpose: "a key", shape: "text", to: ["worker", "github"] } };
    await writeFile(
      join(folder, "mcpist.config.ts"),
      `export default ${JSON.stringify({ environments: { production: { ...ENVIRONMENT_INPUT, secrets } } })};\n`,
    );
    const before = writes();
    const { code, out, err } = await put(["OWN_KEY"], { stdin: "canary-5f0c6a1be2d49317".repeat(223) });
    expect([code, err.includes("OWN_KEY is longer than the 5120 bytes that a Worker takes: nothing was sent")]).toEqual(
      [2, true],
    );
    expect(out + err).not.toContain("canary-5f0c6a1be2d49317");
    expect(writes()).toBe(before);
  });

  it("says which origin has it and which has not when one platform fails, with the exit code for run it again", async () => {
    vendor.faults.add({
      vendor: "fly",
      method: "POST",
      path: "/secrets$",
      effect: { kind: "status", when: "before", status: 422 },
    });
    const { code, err } = await put(["DATABASE_URL"], { stdin: URL_CANARY });
    expect(code).toBe(5);
    expect(err).toContain("done  put DATABASE_URL at koyeb");
    expect(err).toContain("failed  put DATABASE_URL at fly");
    expect(err).not.toContain(URL_CANARY);
  });
});

describe("the prompt of mcpist secrets put", () => {
  it("shows nothing of what is typed", async () => {
    const { code, out, err } = await put(["DATABASE_URL"], { terminal: true, stdin: `${URL_CANARY}\r` });
    expect(code).toBe(0);
    expect(await held("mcpist-production-database-url")).toBe(URL_CANARY);
    expect(err).toContain("DATABASE_URL: \n");
    for (const form of formsOf(URL_CANARY)) expect(out + err).not.toContain(form);
  });
  it("is left with Ctrl-C: nothing is sent, exit code 130", async () => {
    const before = writes();
    const { code, err } = await put(["DATABASE_URL"], { terminal: true, stdin: "postgres://canary\u0003" });
    expect(code).toBe(130);
    expect(err).toContain("interrupted: nothing was sent (ERR_INTERRUPTED)");
    expect(writes()).toBe(before);
  });
  it("does not wait for ever for an input that ended", async () => {
    const { code, err } = await put(["DATABASE_URL"], { terminal: true, stdin: "" });
    expect(code).toBe(2);
    expect(err).toContain("DATABASE_URL was not given: nothing was sent (ERR_SECRET_SHAPE)");
  });
});
