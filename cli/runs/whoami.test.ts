import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { run } from "../program.ts";
import { ENVIRONMENT_INPUT } from "../test/environment.ts";
import { formsOf, testContext } from "../test/test-context.ts";

const CANARY = "ghp_canary5f0c6a1be2d49317canary5f0c6a1b";

/** Answers by path; whatever else is asked is not there. */
const answers: Readonly<Record<string, unknown>> = {
  "/user": { login: "acme-operator" },
  "/repos/acme/mcp": { full_name: "acme/mcp", permissions: {} },
  "/client/v4/user/tokens/verify": { success: true, result: { status: "active", expires_on: "2027-03-01T00:00:00Z" } },
  "/client/v4/accounts/0123456789abcdef0123456789abcdef": { success: true, result: { name: "Acme Ltd" } },
  "/v1/apps": { apps: [{ name: "mcpist", organization_id: "org-1" }] },
  "/v1/organizations/org-1": { organization: { name: "acme-koyeb" } },
};

/** Runs a command in a project of one environment. @param silent what a URL holds that is not answered */
async function ask(argv: readonly string[], silent = "", page = "") {
  const folder = await mkdtemp(join(tmpdir(), "mcpist-whoami-"));
  const config = { environments: { production: ENVIRONMENT_INPUT } };
  await writeFile(join(folder, "mcpist.config.ts"), `export default ${JSON.stringify(config)};\n`);
  const urls: string[] = [];
  const asked: typeof fetch = async (input) => {
    const { href, host, pathname } = new URL(input instanceof Request ? input.url : input);
    urls.push(host);
    if (silent !== "" && href.includes(silent)) throw new TypeError("fetch failed");
    if (page !== "" && href.includes(page)) return new Response("<html>Sign in to the hotel</html>");
    return Object.hasOwn(answers, pathname)
      ? Response.json(answers[pathname])
      : Response.json({ message: "Not Found" }, { status: 404 });
  };
  const context = testContext({
    cwd: folder,
    fetch: asked,
    env: {
      PATH: "",
      GH_TOKEN: CANARY,
      CLOUDFLARE_API_TOKEN: "c".repeat(40),
      KOYEB_TOKEN: "k".repeat(64),
      FLY_API_TOKEN: "fo1_fly",
    },
  });
  const code = await run([...argv, "--env", "production", "--json"], context);
  const answer = JSON.parse(context.out()) as {
    accounts: { platform: string; account: string; token: string }[];
    checks: { area: string; outcome: string }[];
  };
  return { ...answer, code, urls, context };
}

it("names the account behind each token and when it ends, and never a token", async () => {
  const { accounts, context } = await ask(["whoami"]);
  expect(Object.fromEntries(accounts.map(({ platform, account }) => [platform, account]))).toMatchObject({
    github: "acme-operator",
    cloudflare: "Acme Ltd",
    koyeb: "acme-koyeb",
  });
  expect(accounts.find(({ platform }) => platform === "cloudflare")?.token).toMatch(/^active.*2027|^active.*ends in/);
  for (const form of formsOf(CANARY)) expect(context.out() + context.err()).not.toContain(form);
});

const PLATFORMS = [
  ["github", "api.github.com"],
  ["cloudflare", "api.cloudflare.com"],
  ["koyeb", "app.koyeb.com"],
  ["fly", "api.machines.dev"],
] as const;

it.each(PLATFORMS)("does not call a token accepted while %s is silent", async (platform, host) => {
  for (const { code, accounts } of [await ask(["whoami"], host), await ask(["whoami"], "", host)]) {
    expect(code).toBe(3);
    expect(accounts.find((account) => account.platform === platform)).toMatchObject({
      account: null,
      token: expect.stringMatching(/^unknown: /) as string,
    });
  }
  const doctor = await ask(["doctor", "--tokens"], host);
  expect([doctor.code, doctor.checks.find(({ area }) => area === platform)?.outcome]).toEqual([3, "not run"]);
});

it("does not call Cloudflare's token refused while one of the three questions about it is not answered", async () => {
  const { accounts } = await ask(["whoami"], "/user/tokens/verify");
  expect(accounts.find(({ platform }) => platform === "cloudflare")?.token).toMatch(/^unknown: /);
});

it("asks the platforms about the tokens, and nobody about anything else", async () => {
  const { urls, checks } = await ask(["doctor", "--tokens"]);
  expect(checks.map(({ area }) => area)).toEqual(["github", "cloudflare", "koyeb", "fly"]);
  expect([...urls].sort()).toEqual(["api.cloudflare.com", "api.github.com", "api.machines.dev", "app.koyeb.com"]);
});
