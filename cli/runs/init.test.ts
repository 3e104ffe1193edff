import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseConfig } from "../../contract/config.ts";
import { run } from "../program.ts";
import { formsOf, testContext, type TestContextOptions } from "../test/test-context.ts";
import { configText, environmentOf, zoneOf } from "./init-config.ts";

const CANARY = "canary-5f0c6a1be2d49317-value";
const FLAGS = {
  "--domain": "mcp.example.com",
  "--repo": "Acme/mcp",
  "--account": "0123456789abcdef0123456789abcdef",
  "--supabase": "abcdefghijklmnopqrst",
  "--koyeb-url": "https://mcpist-acme.koyeb.app/",
  "--fly-app": "acme-mcp",
};
const flat = (flags: Record<string, string>): string[] => Object.entries(flags).flat();

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpist-init-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function init(argv: readonly string[], options: TestContextOptions = {}) {
  const context = testContext({ cwd: folder, ...options });
  const code = await run(["init", ...argv], context);
  const text = await readFile(join(folder, "mcpist.config.ts"), "utf8").catch(() => null);
  return { code, text, out: context.out(), err: context.err() };
}
/** What Node makes of the file. */
const load = async (): Promise<unknown> => {
  const module = (await import(`${pathToFileURL(join(folder, "mcpist.config.ts")).href}?${Math.random()}`)) as {
    default: unknown;
  };
  return module.default;
};

describe("mcpist init without a terminal", () => {
  it("writes from flags a file that Node loads and the schema accepts, drain written out", async () => {
    const { code, text, err } = await init(flat(FLAGS));
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const loaded = await load();
    expect(loaded).toEqual({
      environments: {
        production: environmentOf(
          "production",
          {
            domain: "mcp.example.com",
            repo: "Acme/mcp",
            account: FLAGS["--account"],
            supabase: FLAGS["--supabase"],
            koyebUrl: "https://mcpist-acme.koyeb.app",
            flyApp: "acme-mcp",
          },
          "0.1.0",
        ),
      },
    });
    const parsed = parseConfig(loaded);
    expect(parsed.ok && parsed.value.environments["production"]).toMatchObject({
      cloudflare: { zone: "example.com", hostname: "mcp.example.com", worker: "mcpist-gateway" },
      origins: [
        { name: "koyeb", url: "https://mcpist-acme.koyeb.app", state: "pool" },
        { name: "fly", url: "https://acme-mcp.fly.dev", state: "pool" },
      ],
      auth: { issuer: "https://abcdefghijklmnopqrst.supabase.co/auth/v1", audience: "https://mcp.example.com/mcp" },
      image: "ghcr.io/acme/mcpist-origin:0.1.0",
    });
    expect(text).toContain('drain: { minAge: "60s", quiet: "120s", max: "30m" }');
  });

  it("prints the next commands in the order of a fresh set of accounts", async () => {
    const { out } = await init([...flat(FLAGS), "--env", "staging"]);
    const steps = [
      "mcpist doctor --deploy --env staging",
      "MCPIST_ENV=staging npx cdktn deploy 'staging-base-*'",
      "mcpist secrets rotate --init --env staging",
      "mcpist secrets put DATABASE_URL --env staging",
      "docker build -f origin/Dockerfile -t ghcr.io/acme/mcpist-origin:0.1.0 . && docker push ghcr.io/acme/mcpist-origin:0.1.0",
      "MCPIST_ENV=staging npx cdktn deploy 'staging-*'",
      "mcpist secrets verify --env staging",
    ];
    const places = steps.map((step) => out.indexOf(step));
    expect(places.every((place) => place > 0)).toBe(true);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });

  it("answers in one JSON object", async () => {
    const { out } = await init([...flat(FLAGS), "--json"]);
    expect(JSON.parse(out)).toMatchObject({
      command: "init",
      ok: true,
      exitCode: 0,
      file: "mcpist.config.ts",
      environment: "production",
    });
  });

  it("gives names of their own to an environment that shares accounts with production", async () => {
    await init([...flat(FLAGS), "--env", "staging"]);
    const parsed = parseConfig(await load());
    expect(parsed.ok && parsed.value.environments["staging"]).toMatchObject({
      cloudflare: { worker: "mcpist-gateway-staging" },
      origins: [{ app: "mcpist-staging" }, { app: "acme-mcp" }],
      github: { environment: "staging" },
    });
  });

  it("names every flag that is missing, and writes nothing", async () => {
    const { code, text, err } = await init(["--domain", "mcp.example.com"]);
    expect({ code, text }).toEqual({ code: 2, text: null });
    expect(err).toContain("--repo, --account, --supabase are required without a terminal");
  });

  it("takes the repository of this folder and the account of this terminal", async () => {
    await mkdir(join(folder, ".git"));
    await writeFile(
      join(folder, ".git/config"),
      '[remote "origin"]\n\turl = git@github.com:acme/from-git.git\n\tfetch = x\n',
    );
    const { "--repo": _repo, "--account": _account, ...rest } = FLAGS;
    const { code } = await init(flat(rest), { env: { CLOUDFLARE_ACCOUNT_ID: FLAGS["--account"] } });
    expect(code).toBe(0);
    const parsed = parseConfig(await load());
    expect(parsed.ok && parsed.value.environments["production"]).toMatchObject({
      github: { owner: "acme", repo: "from-git" },
      cloudflare: { accountId: FLAGS["--account"] },
    });
  });

  it("needs one origin, of either kind", async () => {
    const { "--koyeb-url": _koyeb, "--fly-app": _fly, ...rest } = FLAGS;
    expect((await init(flat(rest))).err).toContain("an installation needs at least one origin");
    expect((await init([...flat(rest), "--fly-app", "acme-mcp"])).code).toBe(0);
  });

  it.each([
    ["--domain", CANARY],
    ["--domain", "https://mcp.example.com"],
    ["--repo", CANARY],
    ["--account", CANARY],
    ["--supabase", `http://${CANARY}`],
    ["--koyeb-url", "http://x.koyeb.app"],
    ["--koyeb-url", `https://x.koyeb.app/${CANARY}`],
    ["--fly-app", `Not ${CANARY}`],
  ])("refuses a wrong %s without repeating it", async (flag, value) => {
    const { code, text, out, err } = await init(flat({ ...FLAGS, [flag]: value }));
    expect({ code, text }).toEqual({ code: 2, text: null });
    expect(err).toContain(`error: ${flag} takes `);
    for (const form of formsOf(CANARY)) expect(out + err).not.toContain(form);
  });

  it("overwrites an existing file only with --force, and says so before it asks anything", async () => {
    await writeFile(join(folder, "mcpist.config.ts"), "mine");
    const refused = await init([], { terminal: true });
    expect(refused).toMatchObject({ code: 2, text: "mine" });
    expect(refused.err).toContain(
      "mcpist.config.ts exists already: nothing was written (ERR_CONFIG)\nhint:  mcpist init --force",
    );
    expect((await init([...flat(FLAGS), "--force"])).text).toContain("export default {");
  });

  it("refuses the sandbox, whose environment is built in, and a name that the schema refuses", async () => {
    expect((await init([...flat(FLAGS), "--env", "sandbox"])).code).toBe(2);
    const { code, text } = await init([...flat(FLAGS), "--env", "Not A Name"]);
    expect({ code, text }).toEqual({ code: 2, text: null });
  });
});

describe("mcpist init on a terminal", () => {
  it("asks only what it cannot know, and again where an answer does not fit", async () => {
    const typed = ["not a host", "mcp.example.com", "", "abcdefghijklmnopqrst", "", "acme-mcp"]
      .map((line) => `${line}\n`)
      .join("");
    const { code, err } = await init(["--repo", "acme/mcp"], {
      terminal: true,
      stdin: typed,
      env: { CLOUDFLARE_ACCOUNT_ID: FLAGS["--account"] },
    });
    expect(code).toBe(0);
    expect(err).toContain("it must be a host name in lower case");
    expect(err).not.toContain("GitHub repository");
    expect(err).toContain(`Cloudflare account id [${FLAGS["--account"]}]`);
    const parsed = parseConfig(await load());
    expect(parsed.ok && parsed.value.environments["production"]?.origins.map(({ name }) => name)).toEqual(["fly"]);
  });
  it("writes nothing when the input ends early", async () => {
    const { code, text, err } = await init([], { terminal: true, stdin: "mcp.example.com\n" });
    expect({ code, text }).toEqual({ code: 2, text: null });
    expect(err).toContain("the input ended before the last question");
  });
  it("does not ask with --yes", async () => {
    const { code, err } = await init(["--yes"], { terminal: true });
    expect(code).toBe(2);
    expect(err).toContain("are required without a terminal");
  });
});

describe("what is derived", () => {
  it.each([
    ["mcp.example.com", "example.com"],
    ["example.com", "example.com"],
    ["mcp.example.co.jp", "example.co.jp"],
  ])("is the zone of %s: %s", (hostname, zone) => {
    expect(zoneOf(hostname)).toBe(zone);
  });
  it("imports its types only where they are", () => {
    const environment = environmentOf(
      "production",
      { domain: "a.example.com", repo: "o/r", account: "0".repeat(32), supabase: "abcd", koyebUrl: null, flyApp: "f" },
      "1.0.0",
    );
    expect(configText("production", environment, true)).toContain(
      'import { defineConfig } from "../commands/contract/config.ts";',
    );
    expect(configText("production", environment, false)).not.toContain("import");
  });
});
