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
  // As after npm install.
  const installed = join(folder, "node_modules/mcpist");
  await mkdir(installed, { recursive: true });
  await writeFile(join(installed, "package.json"), '{ "name": "mcpist", "type": "module", "main": "index.js" }');
  await writeFile(join(installed, "index.js"), "export const defineConfig = (config) => config;");
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
      "npm install && npm run demo",
      "npx mcpist doctor --deploy --env staging",
      "npx mcpist deploy --base --env staging",
      "npx mcpist secrets rotate --init --env staging",
      "npx mcpist secrets put DATABASE_URL --env staging",
      "npx mcpist db migrate\n",
      "npx mcpist origin build\n",
      "docker build -t ghcr.io/acme/mcpist-origin:0.1.0 build/origin\n",
      "docker push ghcr.io/acme/mcpist-origin:0.1.0\n",
      "npx mcpist deploy --first --env staging",
      "npx mcpist secrets verify --env staging",
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
    ["--repo", `-${CANARY}/mcp`],
    ["--repo", "acme/.."],
    ["--account", CANARY],
    ["--supabase", `http://${CANARY}`],
    ["--supabase", `https://${CANARY}:x@auth.example.com`],
    ["--supabase", `https:///${CANARY}`],
    ["--koyeb-url", `https://${CANARY}@x.koyeb.app`],
    ["--koyeb-url", `https://x\\${CANARY}`],
    ["--koyeb-url", "http://x.koyeb.app"],
    ["--koyeb-url", `https://x.koyeb.app/${CANARY}`],
    ["--fly-app", `Not ${CANARY}`],
    ["--fly-app", "acme-"],
  ])("refuses a wrong %s without repeating it", async (flag, value) => {
    const { code, text, out, err } = await init(flat({ ...FLAGS, [flag]: value }));
    expect({ code, text }).toEqual({ code: 2, text: null });
    expect(err).toMatch(new RegExp(`^error: ${flag}: it (?:must be|.*; it must be) `));
    for (const form of formsOf(CANARY)) expect(out + err).not.toContain(form);
  });

  it("overwrites an existing file only with --force, and says so before it asks anything", async () => {
    await writeFile(join(folder, "mcpist.config.ts"), "mine");
    const refused = await init([], { terminal: true });
    expect(refused).toMatchObject({ code: 2, text: "mine" });
    expect(refused.err).toContain(
      "mcpist.config.ts exists already: nothing was written (ERR_CONFIG)\nhint:  add --force",
    );
    expect((await init([...flat(FLAGS), "--force"])).text).toContain("export default defineConfig({");
  });

  it("refuses the sandbox, whose environment is built in, and a name that the schema refuses", async () => {
    expect((await init([...flat(FLAGS), "--env", "sandbox"])).code).toBe(2);
    const { code, text } = await init([...flat(FLAGS), "--env", "Not A Name"]);
    expect({ code, text }).toEqual({ code: 2, text: null });
  });
});

describe("the project that mcpist init makes", () => {
  const fileOf = (path: string) => readFile(join(folder, path), "utf8").catch(() => null);
  const manifest = async () => JSON.parse((await fileOf("package.json")) ?? "null") as Record<string, unknown>;

  it("has scripts, stacks, an example with its test, and four workflows that name the environment", async () => {
    await init([...flat(FLAGS), "--env", "staging"], { env: { MCPIST_PACKAGE: "file:../mcpist.tgz" } });
    expect(await manifest()).toMatchObject({
      private: true,
      type: "module",
      scripts: {
        demo: "mcpist demo --env staging",
        synth: "node stacks.ts",
        deploy: "mcpist deploy --env staging",
        rotate: "mcpist secrets rotate --env staging",
        verify: "mcpist secrets verify --env staging",
      },
      dependencies: { mcpist: "file:../mcpist.tgz" },
      // npm puts this Node before the machine's own, and asks about no install script of theirs.
      devDependencies: {
        cdktf: "0.21.0",
        miniflare: expect.stringMatching(/^\d/),
        node: expect.stringMatching(/^24\./),
      },
      allowScripts: { node: true, esbuild: true, workerd: true },
    });
    expect(await fileOf("stacks.ts")).toContain("await deployment(config);");
    expect(JSON.parse((await fileOf("cdktf.json")) ?? "")).toMatchObject({ app: "node stacks.ts" });
    expect(await fileOf("modules/dice.test.ts")).toContain("mcpist/testing");
    for (const name of ["rotate", "restore", "deploy", "drift"])
      expect(await fileOf(`.github/workflows/${name}.yml`)).toContain(
        `exec node_modules/.bin/mcpist ${name === "rotate" ? "secrets" : name === "restore" ? "secrets restore" : name}`,
      );
    expect(await fileOf(".github/workflows/rotate.yml")).toContain(
      "MCPIST_ENV: ${{ inputs.environment || 'staging' }}",
    );
    expect(await fileOf(".gitignore")).toContain("node_modules/\n");
  });

  it("changes a package.json that is there only after a yes, and loses nothing of it", async () => {
    const mine = '{\n    "name": "mine",\n    "type": "module",\n    "scripts": { "test": "mine" }\n}\n';
    await writeFile(join(folder, "package.json"), mine);
    await writeFile(join(folder, ".gitignore"), "/node_modules\nmine");
    const refused = await init(flat(FLAGS));
    expect(refused).toMatchObject({ code: 2, text: null });
    expect(refused.err).toContain("package.json and .gitignore would be changed (ERR_USAGE)\nhint:  add --yes");
    const declined = await init(flat(FLAGS), { terminal: true, stdin: "n\n" });
    expect(declined).toMatchObject({ code: 3, text: null });
    expect(declined.err).toContain("package.json: scripts.demo, scripts.synth,");
    expect(declined.err.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect(await fileOf("package.json")).toBe(mine);
    expect((await init(flat(FLAGS), { terminal: true, stdin: "y\n" })).code).toBe(0);
    expect(await manifest()).toMatchObject({ name: "mine", scripts: { test: "mine", synth: "node stacks.ts" } });
    expect(await fileOf("package.json")).toMatch(/^\{\n {4}"name"/);
    expect(await fileOf(".gitignore")).toMatch(/^\/node_modules\nmine\nbuild\/\n/);
  });

  it("leaves workflows, modules and stacks of somebody else as they are", async () => {
    await mkdir(join(folder, ".github/workflows"), { recursive: true });
    await mkdir(join(folder, "modules"));
    await writeFile(join(folder, ".github/workflows/deploy.yml"), "name: mine\n");
    await writeFile(join(folder, "stacks.ts"), "mine");
    const { out } = await init([...flat(FLAGS), "--json"]);
    expect(await fileOf(".github/workflows/deploy.yml")).toBe("name: mine\n");
    expect(await fileOf(".github/workflows/mcpist-deploy.yml")).toContain("mcpist deploy");
    expect([await fileOf("stacks.ts"), await fileOf("modules/dice.ts")]).toEqual(["mine", null]);
    expect(JSON.parse(out).files).toContainEqual({ path: "stacks.ts", change: "kept", adds: [] });
  });

  it("can be run again for what is missing, and renews workflows only with --force", async () => {
    await init(flat(FLAGS));
    const workflow = join(folder, ".github/workflows/rotate.yml");
    const usual = await readFile(workflow, "utf8");
    await rm(join(folder, "stacks.ts"));
    await writeFile(workflow, `${usual}# mine, exec node_modules/.bin/mcpist\n`);
    expect((await init(["--files"])).code).toBe(0);
    expect(await fileOf("stacks.ts")).toContain("deployment");
    expect(await readFile(workflow, "utf8")).toContain("# mine");
    expect((await init(["--files", "--force", "--yes"])).code).toBe(0);
    expect(await readFile(workflow, "utf8")).toBe(usual);
  });

  it.each([
    ['{ "type": "commonjs" }', "npm pkg set type=module"],
    ["{}", 'package.json has no "type": "module"'],
    ["[]", "package.json is not a JSON object"],
    ["{", "package.json is not JSON"],
  ])("is not made beside a package.json that says %s", async (text, message) => {
    await writeFile(join(folder, "package.json"), text);
    const { code, err } = await init([...flat(FLAGS), "--yes"]);
    expect({ code, config: await fileOf("mcpist.config.ts") }).toEqual({ code: 2, config: null });
    expect(err).toContain(message);
    expect(err.replaceAll(/\s+/g, " ")).toContain("mkdir mcp && cd mcp && npx mcpist init");
  });

  it("gets its configuration last, so that a run that was killed is run again", async () => {
    await writeFile(join(folder, ".github"), "a file where a folder has to be");
    const { code, text } = await init(flat(FLAGS));
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
    // One serves while the other boots.
    expect(parsed.ok && parsed.value.environments["production"]?.origins).toMatchObject([{ name: "fly", machines: 2 }]);
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
      'import { defineConfig } from "./contract/config.ts";',
    );
    expect(configText("production", environment, false)).toContain('import { defineConfig } from "mcpist";');
  });
});
