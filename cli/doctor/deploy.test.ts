import { describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../contract/config.ts";
import { cloudflareApi } from "../targets/cloudflare.ts";
import { githubApi } from "../targets/github.ts";
import { ENVIRONMENT_INPUT, testEnvironment } from "../test/environment.ts";
import { handler, type Routes } from "../test/handler.ts";
import { testContext } from "../test/test-context.ts";
import { checkDeploy } from "./deploy.ts";

const access = (baseUrl: string) => ({ baseUrl, token: "a-token-for-tests-1" });
const json = (body: unknown, status = 200) => Response.json(body, { status });
const { zone, accountId } = ENVIRONMENT_INPUT.cloudflare;
const GITHUB: Routes = { "POST /repos/acme/mcp/rulesets": json({ message: "Invalid request." }, 422) };
const CLOUDFLARE: Routes = {
  "GET /zones": json({ success: true, result: [{ id: "zone-1", name: zone }] }),
  "PATCH /zones/zone-1/settings/min_tls_version": json({ success: false }, 400),
  "POST /zones/zone-1/rulesets": json({ success: false }, 400),
  [`PUT /accounts/${accountId}/workers/domains`]: json({ success: false }, 400),
};
const BUCKET = { type: "s3", bucket: "states", endpoint: "https://account.r2.cloudflarestorage.com" } as const;

async function check(
  { github = GITHUB, cloudflare = CLOUDFLARE }: { github?: Routes; cloudflare?: Routes } = {},
  env: Readonly<Record<string, string>> = { GITHUB_TOKEN: "set" },
  change: Partial<EnvironmentInput> = {},
) {
  const servers = {
    github: handler(github, "https://api.github.com"),
    cloudflare: handler(cloudflare, "https://api.cloudflare.com"),
  };
  const context = (fetch: typeof globalThis.fetch) => testContext({ fetch, env });
  const [onGithub, onCloudflare] = [context(servers.github.fetch), context(servers.cloudflare.fetch)];
  const apis = {
    github: githubApi(onGithub, access("https://api.github.com")),
    cloudflare: cloudflareApi(onCloudflare, access("https://api.cloudflare.com")),
  };
  const checks = await checkDeploy(onGithub, apis, testEnvironment(change));
  return { checks: checks.map(({ outcome, what }) => `${outcome}: ${what}`), found: checks, servers };
}

describe("what a deploy needs", () => {
  it("is ok with a token that may; every write is empty, so that nothing can change", async () => {
    const { checks, servers } = await check();
    expect(checks).toEqual([
      "ok: GITHUB_TOKEN",
      "ok: write rulesets",
      "ok: write zone settings",
      "ok: write zone rulesets",
      "ok: write the hostname",
    ]);
    const writes = [...servers.github.asked, ...servers.cloudflare.asked].filter((line) => !line.startsWith("GET"));
    expect(writes).toHaveLength(4);
    for (const call of writes) expect(call).toMatch(/^\w+ \S+ \{\}$/);
  });

  it("names each permission that a token for rotations lacks", async () => {
    const no = json({}, 403);
    const cloudflare = {
      ...CLOUDFLARE,
      "POST /zones/zone-1/rulesets": no,
      [`PUT /accounts/${accountId}/workers/domains`]: no,
    };
    const { checks, found } = await check({ github: { "POST /repos/acme/mcp/rulesets": no }, cloudflare });
    expect(checks.filter((line) => !line.startsWith("ok"))).toEqual([
      "missing: write rulesets",
      "missing: write zone rulesets",
      "missing: write the hostname",
    ]);
    expect(found.find(({ what }) => what === "write rulesets")).toMatchObject({
      detail: "the token lacks Administration: write",
      authorisation: true,
    });
  });

  it("wants the name that the GitHub provider reads, and the key of the bucket", async () => {
    const { found } = await check({}, { GH_TOKEN: "set", AWS_ACCESS_KEY_ID: "id" }, { backend: BUCKET });
    expect(found.slice(0, 2)).toMatchObject([
      { outcome: "missing", what: "GITHUB_TOKEN", next: 'export GITHUB_TOKEN="$GH_TOKEN"' },
      { outcome: "missing", what: "bucket", detail: "AWS_SECRET_ACCESS_KEY not set" },
    ]);
    const { checks } = await check(
      {},
      { GITHUB_TOKEN: "t", AWS_ACCESS_KEY_ID: "i", AWS_SECRET_ACCESS_KEY: "k" },
      { backend: BUCKET },
    );
    expect(checks.slice(0, 2)).toEqual(["ok: GITHUB_TOKEN", "ok: bucket"]);
  });

  it("asks nothing of a zone that is not there, and of a gateway on loopback only the variables", async () => {
    const absent = { "GET /zones": json({ success: true, result: [] }) };
    expect((await check({ cloudflare: absent })).checks).toContain("not run: zone");
    const url = "http://127.0.0.1:1";
    const local = await check({}, {}, { cloudflare: { ...ENVIRONMENT_INPUT.cloudflare, url } });
    expect(local.checks).toEqual(["missing: GITHUB_TOKEN"]);
    expect(local.servers.github.asked).toEqual([]);
  });
});
