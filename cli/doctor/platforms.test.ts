import { HINTS } from "../hints/hints.ts";
import { describe, expect, it } from "vitest";
import { type EnvironmentInput } from "../../contract/config.ts";
import { gatewayConfigOf } from "../../contract/process-config.ts";
import { NAMES } from "../../sandbox/vendors/cloudflare/test/emulator.ts";
import { cloudflareApi, cloudflareWorker } from "../targets/cloudflare.ts";
import { flyApi } from "../targets/fly-api.ts";
import { githubApi } from "../targets/github.ts";
import { koyebApi } from "../targets/koyeb-api.ts";
import { cloudflareAccount } from "../test/cloudflare-api.ts";
import { ENVIRONMENT_INPUT, testEnvironment } from "../test/environment.ts";
import { handler, type Routes } from "../test/handler.ts";
import { testContext } from "../test/test-context.ts";
import type { Check } from "./check.ts";
import { checkCloudflare } from "./cloudflare.ts";
import { checkFly } from "./fly.ts";
import { checkGithub } from "./github.ts";
import { checkKoyeb } from "./koyeb.ts";

const TOKEN = "a-token-for-tests-1";
const access = (baseUrl: string) => ({ baseUrl, token: TOKEN });
/** `outcome what`, which is what most tests are about. */
const short = (checks: readonly Check[]): string[] => checks.map(({ outcome, what }) => `${outcome}: ${what}`);
const at = (checks: readonly Check[], what: string): Check | undefined => checks.find((check) => check.what === what);
const json = (body: unknown, status = 200, headers: Record<string, string> = {}) =>
  Response.json(body, { status, headers });

describe("GitHub", () => {
  const REPO = "/repos/acme/mcp";
  const FULL: Routes = {
    [`GET ${REPO}`]: json({ full_name: "acme/mcp" }, 200, {
      "github-authentication-token-expiration": "2026-12-22 12:00:00 UTC",
    }),
    [`GET ${REPO}/environments/production`]: json({ name: "production" }),
    [`PUT ${REPO}/environments/production/secrets/MCPIST_DOCTOR`]: json({ message: "Invalid request." }, 422),
    [`POST ${REPO}/environments/production/variables`]: json({ message: "Invalid request." }, 422),
    [`POST ${REPO}/git/refs`]: json({ message: "Invalid request." }, 422),
  };
  async function check(routes: Routes, change: Partial<EnvironmentInput> = {}) {
    const server = handler(routes, "https://api.github.com");
    const context = testContext({ fetch: server.fetch });
    const api = githubApi(context, access("https://api.github.com"));
    return { checks: await checkGithub(context, api, testEnvironment(change), null), asked: server.asked };
  }

  it("is ok with a fine-grained token that may write what the tool writes; every write is empty, so that nothing can change", async () => {
    const { checks, asked } = await check(FULL);
    expect(short(checks)).toEqual([
      "ok: token",
      "ok: repository",
      "ok: environment",
      "ok: write secrets",
      "ok: write variables",
      "ok: write the rotation ref",
      "ok: read workflow runs",
    ]);
    expect(at(checks, "token")?.detail).toBe("no classic scopes, expires in 30 days");
    for (const call of asked.filter((line) => !line.startsWith("GET"))) expect(call).toMatch(/^\w+ \S+ \{\}$/);
  });

  it("asks for the repository's own secrets where there are no environments", async () => {
    const { checks, asked } = await check(
      {
        [`GET ${REPO}`]: json({}),
        [`PUT ${REPO}/actions/secrets/MCPIST_DOCTOR`]: json({}, 422),
        [`POST ${REPO}/actions/variables`]: json({}, 422),
      },
      { github: { ...ENVIRONMENT_INPUT.github, scope: "repository" } },
    );
    expect(asked.some((call) => call.includes("/environments/"))).toBe(false);
    expect(at(checks, "write secrets")).toMatchObject({ outcome: "ok", detail: "Secrets: write" });
  });

  it("calls a classic token too broad and says what it reaches", async () => {
    const { checks } = await check({
      ...FULL,
      [`GET ${REPO}`]: json({}, 200, { "x-oauth-scopes": "repo, admin:org" }),
    });
    expect(at(checks, "token")).toMatchObject({
      outcome: "too broad",
      detail: "a classic token with repo, admin:org: it reaches every repository of its owner",
      next: expect.stringContaining("make a fine-grained token for acme/mcp alone") as string,
    });
  });

  it("names the permission that is missing, in GitHub's own words too", async () => {
    const refused = json({ message: "Resource not accessible by personal access token" }, 403, {
      "x-accepted-github-permissions": "contents=write",
    });
    const { checks } = await check({
      ...FULL,
      [`POST ${REPO}/git/refs`]: refused,
      [`PUT ${REPO}/environments/production/secrets/MCPIST_DOCTOR`]: json({}, 404),
    });
    expect(at(checks, "write the rotation ref")).toMatchObject({
      outcome: "missing",
      authorisation: true,
      detail: "the token lacks Contents: write (contents=write)",
      next: "grant Contents: write on acme/mcp to the token",
    });
    expect(at(checks, "write secrets")).toMatchObject({ outcome: "missing", authorisation: true });
    expect(at(checks, "write variables")).toMatchObject({ outcome: "ok" });
  });

  it.each<[string, Routes, readonly string[], boolean]>([
    ["a wrong token", { [`GET ${REPO}`]: json({}, 401) }, ["missing: token"], true],
    ["a repository that is not there, or not for this token", {}, ["ok: token", "missing: repository"], false],
    [
      "an environment that is not there yet",
      { [`GET ${REPO}`]: json({}) },
      ["ok: token", "ok: repository", "missing: environment", "not run: permissions"],
      false,
    ],
    ["an outage", { [`GET ${REPO}`]: new TypeError("fetch failed") }, ["not run: token"], false],
  ])("tells %s", async (_what, routes, expected, authorisation) => {
    const { checks } = await check(routes);
    expect(short(checks)).toEqual(expected);
    expect(checks.some((entry) => entry.outcome === "missing" && entry.authorisation)).toBe(authorisation);
  });

  it("says how to get a token where there is none", async () => {
    const reason = { detail: "no token for github", next: HINTS.login("GH_TOKEN", "gh auth login") };
    expect(await checkGithub(testContext(), null, testEnvironment(), reason)).toMatchObject([
      {
        area: "github",
        what: "token",
        outcome: "missing",
        detail: "no token for github",
        next: "export GH_TOKEN, or gh auth login",
        authorisation: false,
        unset: true,
      },
    ]);
  });
});

describe("Cloudflare", () => {
  const named = (hostname: string, zone: string): Partial<EnvironmentInput> => ({
    cloudflare: { ...ENVIRONMENT_INPUT.cloudflare, accountId: NAMES.accountId, zone, hostname },
    auth: { ...ENVIRONMENT_INPUT.auth, audience: `https://${hostname}/mcp` },
  });
  const input = named(`mcp.${NAMES.zone}`, NAMES.zone);
  /** An account in which the Worker is deployed as `deployed` says; `over` answers before the emulator does. */
  async function check(
    options: {
      deployed?: Partial<EnvironmentInput> | null;
      secret?: boolean;
      over?: Routes;
      change?: Partial<EnvironmentInput>;
    } = {},
  ) {
    const { deployed = {}, secret = true, over = {}, change = {} } = options;
    const account = cloudflareAccount();
    const environment = testEnvironment({ ...input, ...change });
    if (deployed !== null) {
      const text = JSON.stringify(gatewayConfigOf("production", testEnvironment({ ...input, ...deployed })));
      const bound = secret ? [{ type: "secret_text", name: "GATEWAY_SECRET", text: "0".repeat(64) }] : [];
      await account.put("gw", { bindings: [{ type: "plain_text", name: "MCPIST_CONFIG", text }, ...bound] });
    }
    const first = handler(over, account.baseUrl);
    const context = testContext({
      fetch: async (url, init) => {
        const answer = await first.fetch(url, init);
        return answer.status === 404 && !Object.keys(over).some((key) => first.asked.at(-1)?.startsWith(key))
          ? account.fetch(url, init)
          : answer;
      },
    });
    const given = { baseUrl: account.baseUrl, token: "cf-token-for-tests" };
    const api = cloudflareApi(context, given);
    const before = JSON.stringify(
      [...account.account.scripts.values()].map(({ versions, deployments }) => [versions.length, deployments]),
    );
    const checks = await checkCloudflare(
      context,
      { api, worker: cloudflareWorker(context, api, environment, given) },
      environment,
      null,
    );
    const after = JSON.stringify(
      [...account.account.scripts.values()].map(({ versions, deployments }) => [versions.length, deployments]),
    );
    expect(after).toBe(before);
    expect([...account.account.kv.values()]).toEqual([]);
    return { checks, asked: first.asked };
  }

  it("is ok where token, zone, Worker and routes are as they should be; every write is empty, and nothing changes", async () => {
    const { checks, asked } = await check();
    expect(short(checks)).toEqual([
      "ok: token",
      "ok: reach",
      "ok: write Worker versions",
      "ok: write KV",
      "ok: zone",
      "ok: worker",
      "ok: routes",
    ]);
    for (const call of asked.filter((line) => !line.startsWith("GET"))) expect(call).toMatch(/^\w+ \S+ \{\}$/);
  });

  it.each<[string, Parameters<typeof check>[0], string, Partial<Check>]>([
    [
      "a Worker that is not there",
      { deployed: null },
      "worker",
      { outcome: "missing", detail: "there is no Worker gw" },
    ],
    [
      "a Worker without a secret",
      { secret: false },
      "worker",
      { outcome: "missing", next: "mcpist secrets rotate --init" },
    ],
    [
      "a zone of somebody else",
      { change: named("mcp.elsewhere.test", "elsewhere.test") },
      "zone",
      { outcome: "missing", detail: "elsewhere.test is not in this account, or not for this token" },
    ],
    [
      "a host name outside its zone",
      { change: named("mcp.example.org", NAMES.zone) },
      "zone",
      { outcome: "missing", detail: `mcp.example.org is no name in ${NAMES.zone}` },
    ],
    [
      "a gateway that routes otherwise than the file says",
      {
        deployed: {
          origins: [{ ...ENVIRONMENT_INPUT.origins[0]!, state: "quarantined" }, ENVIRONMENT_INPUT.origins[1]!],
        },
      },
      "routes",
      {
        outcome: "missing",
        detail:
          "koyeb is quarantined at https://mcpist-acme.koyeb.app at the gateway and pool at https://mcpist-acme.koyeb.app in the configuration",
      },
    ],
    [
      "a token that reaches other accounts",
      { over: { "GET /accounts": json({ success: true, result: [], result_info: { total_count: 3 } }) } },
      "reach",
      { outcome: "too broad", detail: "the token reaches 3 accounts" },
    ],
    [
      "a token that may not write versions",
      {
        over: {
          [`POST /accounts/${NAMES.accountId}/workers/scripts/gw/deployments`]: json(
            { errors: [{ code: 10000, message: "Authentication error" }] },
            403,
          ),
        },
      },
      "write Worker versions",
      { outcome: "missing", authorisation: true, detail: "the token lacks Workers Scripts: edit" },
    ],
    [
      "a token that has ended",
      { over: { "GET /user/tokens/verify": json({ success: true, result: { status: "expired" } }) } },
      "token",
      { outcome: "missing", authorisation: true, detail: "it is expired" },
    ],
    [
      "a login instead of a token",
      {
        over: {
          "GET /user/tokens/verify": json({}, 403),
          [`GET /accounts/${NAMES.accountId}/tokens/verify`]: json({}, 403),
        },
      },
      "token",
      { outcome: "too broad", detail: "a login, not a token: it may do whatever its user may" },
    ],
    [
      "a token that is none",
      {
        over: {
          "GET /user/tokens/verify": json({}, 401),
          [`GET /accounts/${NAMES.accountId}/tokens/verify`]: json({}, 401),
          "GET /user": json({}, 401),
        },
      },
      "token",
      { outcome: "missing", authorisation: true },
    ],
  ])("tells %s", async (_what, options, what, expected) => {
    const { checks } = await check(options);
    expect(at(checks, what)).toMatchObject(expected);
  });
});

describe("Koyeb", () => {
  const apps = (...names: string[]) => json({ apps: names.map((name) => ({ id: `id-${name}`, name })) });
  async function check(routes: Routes) {
    const server = handler(routes, "https://app.koyeb.com");
    const context = testContext({ fetch: server.fetch });
    const checks = await checkKoyeb(
      context,
      koyebApi(context, access("https://app.koyeb.com")),
      { name: "production", environment: testEnvironment() },
      null,
    );
    expect(server.asked.every((call) => call.startsWith("GET"))).toBe(true);
    return checks;
  }
  const secrets = (...names: string[]) =>
    json({
      secrets: names.map((name) => ({
        id: name,
        name: `mcpist-production-${name}`,
        updated_at: "2026-11-29T00:00:00Z",
      })),
    });
  const SERVICE = {
    "GET /v1/apps": apps("mcpist"),
    "GET /v1/services": json({ services: [{ id: "s", name: "origin" }] }),
  };
  const ALL = ["database-url", "database-url-mark", "request-state-key", "request-state-key-mark"];

  it("is ok where the service is there, and what it needs to start", async () => {
    const checks = await check({ ...SERVICE, "GET /v1/secrets": secrets(...ALL) });
    expect(short(checks)).toEqual(["ok: token", "ok: service of koyeb", "ok: secrets of the origins"]);
  });

  it.each([
    ["a value", "database-url", "no DATABASE_URL", "mcpist secrets put DATABASE_URL"],
    ["a mark", "request-state-key-mark", "no REQUEST_STATE_KEY", "mcpist secrets put REQUEST_STATE_KEY --generate"],
  ])(
    "names the secret of which %s is forgotten before a deployment fails for it",
    async (_what, forgotten, detail, next) => {
      const checks = await check({
        ...SERVICE,
        "GET /v1/secrets": secrets(...ALL.filter((name) => name !== forgotten)),
      });
      expect(at(checks, "secrets of the origins")).toMatchObject({
        outcome: "missing",
        detail,
        next,
        authorisation: false,
      });
    },
  );
  it.each<[string, Routes, Partial<Check>]>([
    [
      "no service",
      { "GET /v1/apps": apps("mcpist"), "GET /v1/services": json({ services: [] }) },
      { detail: "app mcpist is there, service mcpist/origin is not" },
    ],
    [
      "no app, though another's name begins alike",
      { "GET /v1/apps": apps("mcpist-two") },
      { detail: "there is no app mcpist in this organisation" },
    ],
  ])("tells %s", async (_what, routes, expected) => {
    expect(at(await check(routes), "service of koyeb")).toMatchObject({
      outcome: "missing",
      authorisation: false,
      ...expected,
    });
  });
  it("tells a token that is none", async () => {
    expect(await check({ "GET /v1/apps": json({ message: "token is not valid" }, 401) })).toMatchObject([
      { outcome: "missing", authorisation: true },
    ]);
  });
  it("has nothing to say where no origin is there", async () => {
    expect(
      await checkKoyeb(
        testContext(),
        null,
        { name: "production", environment: testEnvironment({ origins: [ENVIRONMENT_INPUT.origins[1]!] }) },
        null,
      ),
    ).toEqual([]);
  });
});

describe("Fly.io", () => {
  const machine = (id: string, change: object = {}) => ({
    id,
    state: "started",
    config: { metadata: { fly_platform_version: "v2" }, services: [{ autostop: "off" }], ...change },
  });
  const APP = "/v1/apps/mcpist-origin";
  const FULL: Routes = {
    [`GET ${APP}`]: json({ name: "mcpist-origin" }),
    [`GET ${APP}/machines`]: json([machine("m1"), { ...machine("m0"), state: "destroyed" }]),
    [`GET ${APP}/secrets`]: json({ secrets: [{ name: "DATABASE_URL" }, { name: "REQUEST_STATE_KEY" }] }),
    "GET /v1/apps": json({ apps: [{ name: "mcpist-origin" }] }),
  };
  async function check(routes: Routes) {
    const server = handler(routes, "https://api.machines.dev");
    const context = testContext({ fetch: server.fetch });
    const checks = await checkFly(
      context,
      flyApi(context, access("https://api.machines.dev")),
      testEnvironment(),
      null,
    );
    expect(server.asked.every((call) => call.startsWith("GET"))).toBe(true);
    return checks;
  }
  it("is ok where the Machines are there and flyctl knows them", async () => {
    expect(short(await check(FULL))).toEqual([
      "ok: token",
      "ok: reach",
      "ok: app of fly",
      "ok: secrets of fly",
      "ok: Machines of fly",
    ]);
  });
  it.each<[string, Routes, string, Partial<Check>]>([
    [
      "a Machine that flyctl would skip",
      { [`GET ${APP}/machines`]: json([machine("m1", { metadata: {} })]) },
      "Machines of fly",
      { detail: "m1: no fly_platform_version, so flyctl skips them" },
    ],
    [
      "a Machine that may be suspended",
      { [`GET ${APP}/machines`]: json([machine("m1", { services: [{ autostop: "suspend" }] })]) },
      "Machines of fly",
      { detail: "m1 may be suspended, with the secret in memory" },
    ],
    [
      "a forgotten secret",
      { [`GET ${APP}/secrets`]: json({ secrets: [{ name: "DATABASE_URL" }] }) },
      "secrets of fly",
      { detail: "no REQUEST_STATE_KEY", next: "mcpist secrets put REQUEST_STATE_KEY --generate", authorisation: false },
    ],
    [
      "too many Machines",
      { [`GET ${APP}/machines`]: json([machine("m1"), machine("m2")]) },
      "Machines of fly",
      { detail: "2 instead of 1" },
    ],
    ["no Machine", { [`GET ${APP}/machines`]: json([]) }, "Machines of fly", { detail: "mcpist-origin has none" }],
    [
      "no app",
      { [`GET ${APP}`]: json({ error: "app not found" }, 404) },
      "app of fly",
      { detail: "there is no app mcpist-origin", authorisation: false },
    ],
    [
      "an app of somebody else",
      { [`GET ${APP}`]: json({ error: "not authorized" }, 403) },
      "app of fly",
      { authorisation: true },
    ],
    [
      "a token that is none",
      { [`GET ${APP}`]: json({ error: "unauthorized" }, 401) },
      "token",
      { authorisation: true },
    ],
  ])("tells %s", async (_what, over, what, expected) => {
    expect(at(await check({ ...FULL, ...over }), what)).toMatchObject({ outcome: "missing", ...expected });
  });
  it("calls a token too broad that also reaches other apps, once it need not make any", async () => {
    const checks = await check({
      ...FULL,
      "GET /v1/apps": json({ apps: [{ name: "mcpist-origin" }, { name: "shop" }] }),
    });
    expect(at(checks, "reach")).toMatchObject({
      outcome: "too broad",
      detail: "the token also reaches 1 other app of the organisation",
    });
    const before = await check({ ...FULL, "GET /v1/apps": json({ apps: [{ name: "shop" }] }) });
    expect(at(before, "reach")).toMatchObject({ outcome: "ok" });
  });
});
