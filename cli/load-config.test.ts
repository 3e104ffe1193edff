import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfigFile, loadEnvironment, loadWritten } from "./load-config.ts";
import { SANDBOX_URLS } from "./test/sandbox-urls.ts";
import { testContext } from "./test/test-context.ts";

const CANARY = "canary-5f0c6a1be2d49317-value";
const ENVIRONMENT = {
  github: { owner: "acme", repo: "mcp", environment: "production" },
  cloudflare: { accountId: "0".repeat(32), zone: "example.com", hostname: "mcp.example.com", worker: "gateway" },
  origins: [{ name: "fly", kind: "fly", url: "https://o.fly.dev", app: "o" }],
  auth: { issuer: "https://issuer.test/auth/v1", audience: "https://mcp.example.com/mcp" },
  image: "ghcr.io/acme/origin:1",
};
/** An environment of its own beside that one. */
const ELSEWHERE = {
  ...ENVIRONMENT,
  github: { ...ENVIRONMENT.github, environment: "staging" },
  cloudflare: { ...ENVIRONMENT.cloudflare, worker: "staging", zoneProtection: false },
  origins: [{ name: "fly", kind: "fly", url: "https://s.fly.dev", app: "s" }],
};

let folder = "";
const put = async (name: string, text: string): Promise<string> => {
  await writeFile(join(folder, name), text);
  return name;
};
const config = (environments: unknown) => `export default ${JSON.stringify({ environments })};\n`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpist-config-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("mcpist.config.ts", () => {
  it("is loaded as TypeScript and checked, with defaults filled in and durations in milliseconds", async () => {
    const file = await put(
      "good.config.ts",
      `const x: number = 1;\nexport default ${JSON.stringify({ environments: { production: ENVIRONMENT } })} as unknown;\nvoid x;\n`,
    );
    const { production } = await loadConfigFile(testContext({ cwd: folder }), file);
    expect(production?.drain).toEqual({ minAge: 60_000, quiet: 120_000, max: 1_800_000 });
    expect(production?.origins[0]).toMatchObject({ state: "pool", machines: 1, region: "nrt" });
  });
  it("is missed with the command that writes one", async () => {
    await expect(loadConfigFile(testContext({ cwd: folder }), "none.config.ts")).rejects.toMatchObject({
      code: "ERR_CONFIG",
      exitCode: 2,
      message: "there is no none.config.ts in this folder",
      hint: "mcpist init --config none.config.ts   (writes one; mcpist demo needs none)",
    });
  });
  // What Node itself says about a file is not what the tests' own loader says.
  it("that does not run is told with what was thrown and where, in a process of its own", async () => {
    const files = {
      "broken.config.ts": `export default { secret: "${CANARY}" ;;; }`,
      "reads.config.ts": "const o: any = null;\n\nexport default o.environments;",
      "package.config.ts": `import x from "not-there";\nexport default x;`,
      "file.config.ts": `import x from "./nowhere.ts";\nexport default x;`,
      "enum.config.ts": "enum Size { small }\nexport default {};",
      "value.config.ts": `throw new Error("no ${CANARY}");`,
      "imported.config.ts": `import "./reads.config.ts";`,
      "getter.config.ts": `export default { environments: { get production() {\n throw new Error("${CANARY}"); } } };`,
    };
    for (const [name, text] of Object.entries(files)) await put(name, text);
    const program = `
      const { loadConfigFile } = await import(${JSON.stringify(join(import.meta.dirname, "load-config.ts"))});
      const { signal } = new AbortController();
      const context = { cwd: ${JSON.stringify(folder)}, env: {}, signal, stderr: { write: () => true } };
      for (const file of ${JSON.stringify(Object.keys(files))})
        console.log(await loadConfigFile(context, file).catch((error) => error.message));`;
    const ran = spawnSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" });
    expect({ said: ran.stdout.trim().split("\n"), stderr: ran.stderr }).toEqual({
      said: [
        "broken.config.ts cannot be loaded: SyntaxError: Expected ',', got ';', at broken.config.ts:1",
        "reads.config.ts cannot be loaded: TypeError: Cannot read properties of null (reading 'environments'), at reads.config.ts:3",
        "package.config.ts cannot be loaded: Error: Cannot find package 'not-there' imported from package.config.ts",
        "file.config.ts cannot be loaded: Error: Cannot find module 'nowhere.ts' imported from file.config.ts",
        "enum.config.ts cannot be loaded: SyntaxError: TypeScript enum is not supported in strip-only mode, at enum.config.ts:1",
        "value.config.ts cannot be loaded: Error: no […], at value.config.ts:1",
        "imported.config.ts cannot be loaded: TypeError: Cannot read properties of null (reading 'environments'), at reads.config.ts:3",
        "getter.config.ts: what it exports cannot be read: Error: […], at getter.config.ts:2",
      ],
      stderr: "",
    });
  });
  it("that never ends loading does not end the process, and gives way to Ctrl-C", async () => {
    const file = await put("endless.config.ts", "export default await new Promise(() => {});");
    const controller = new AbortController();
    const loaded = loadConfigFile(testContext({ cwd: folder, signal: controller.signal }), file);
    controller.abort(new Error("interrupted"));
    await expect(loaded).rejects.toThrow("interrupted");
  });
  it.each([
    ["a missing field", { production: { ...ENVIRONMENT, image: undefined } }, /environments\.production\.image: /],
    [
      "an unknown field, not by its content",
      { production: { ...ENVIRONMENT, password: CANARY } },
      /environments\.production: unknown setting$/,
    ],
    [
      "a wrong URL, not by its content",
      { production: { ...ENVIRONMENT, auth: { issuer: `http://${CANARY}.test`, audience: "https://x.test" } } },
      /environments\.production\.auth\.issuer: it is plain http to another machine; it must be an https URL/,
    ],
    [
      "no origin in the pool",
      { production: { ...ENVIRONMENT, origins: [{ ...ENVIRONMENT.origins[0], state: "joining" }] } },
      /environments\.production\.origins: at least one origin must have state "pool"/,
    ],
  ])("names %s", async (_what, environments, message) => {
    const file = await put(`bad-${Math.random()}.config.ts`, config(environments));
    const error = (await loadConfigFile(testContext({ cwd: folder }), file).catch(
      (thrown: unknown) => thrown,
    )) as Error;
    expect(error).toMatchObject({ code: "ERR_CONFIG", exitCode: 2 });
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain(CANARY);
  });
  it("that throws when it is read is named without its text", async () => {
    const file = await put(
      "throws.config.ts",
      `export default { environments: { get production() { throw new Error("${CANARY}"); } } };`,
    );
    const error: unknown = await loadConfigFile(testContext({ cwd: folder }), file).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "ERR_CONFIG",
      message: expect.stringMatching(/^throws\.config\.ts: what it exports cannot be read: Error: \[…\]/) as string,
      hint: "correct it in throws.config.ts, then run the command again",
    });
  });
  it("says how many more faults there are", async () => {
    const file = await put("many.config.ts", config({ production: {} }));
    await expect(loadConfigFile(testContext({ cwd: folder }), file)).rejects.toThrow(/\(and \d+ more\)$/);
  });
  it("without a default export is called by its name", async () => {
    const file = await put("empty.config.ts", "export const x = 1;\n");
    await expect(loadConfigFile(testContext({ cwd: folder }), file)).rejects.toThrow(
      "empty.config.ts: the default export: ",
    );
  });
});

describe("the environment", () => {
  it("is named by --env, else by MCPIST_ENV; without either nothing is guessed", async () => {
    const file = await put("two.config.ts", config({ production: ENVIRONMENT, staging: ELSEWHERE }));
    const context = testContext({ cwd: folder, env: { MCPIST_ENV: "staging" } });
    expect((await loadEnvironment(context, "production", file)).name).toBe("production");
    expect((await loadEnvironment(context, undefined, file)).name).toBe("staging");
    await expect(loadEnvironment(testContext({ cwd: folder }), undefined, file)).rejects.toMatchObject({
      code: "ERR_USAGE",
      hint: "--env production",
    });
    await expect(
      loadEnvironment(testContext({ cwd: folder, env: { MCPIST_ENV: "" } }), undefined, file),
    ).rejects.toMatchObject({
      code: "ERR_USAGE",
    });
  });
  it("that is unknown is not repeated; the known ones are listed", async () => {
    const file = await put("one.config.ts", config({ production: ENVIRONMENT }));
    const context = testContext({ cwd: folder });
    const error = (await loadEnvironment(context, CANARY, file).catch((thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject({
      code: "ERR_CONFIG",
      message: "one.config.ts has no such environment; it has: production",
      hint: "--env production",
    });
    await expect(loadEnvironment(context, "toString", file)).rejects.toMatchObject({ code: "ERR_CONFIG" });
  });
});

describe("a terminal that is joined to a sandbox", () => {
  const joined = (env: Record<string, string> = {}) =>
    testContext({ cwd: folder, env: { MCPIST_SANDBOX: JSON.stringify(SANDBOX_URLS), ...env } });

  it("has the built-in environment with loopback URLs and the short drain", async () => {
    const { environment } = await loadEnvironment(joined(), "sandbox", "none.config.ts");
    expect(environment.cloudflare.url).toBe(SANDBOX_URLS.gateway);
    expect(environment.drain).toEqual({ minAge: 2000, quiet: 4000, max: 60_000 });
    expect(environment.origins.map((origin) => origin.url)).toEqual([
      SANDBOX_URLS.origins.koyeb,
      SANDBOX_URLS.origins.fly,
    ]);
  });
  it("refuses to work on a real environment", async () => {
    await expect(loadEnvironment(joined(), "production", "none.config.ts")).rejects.toMatchObject({
      code: "ERR_CONFIG",
      exitCode: 2,
    });
  });
  it("says --env sandbox when no environment is named", async () => {
    await expect(loadEnvironment(joined(), undefined, "none.config.ts")).rejects.toMatchObject({
      hint: "--env sandbox",
    });
  });
  it("says so when it is not joined, or when the variable holds something else", async () => {
    await expect(loadEnvironment(testContext(), "sandbox", "x")).rejects.toMatchObject({
      code: "ERR_CONFIG",
      message: "this terminal is not joined to a sandbox",
    });
    for (const text of ["{", `"${CANARY}"`, "{}", "null", `{"gateway":"${CANARY}"}`]) {
      const error = (await loadEnvironment(joined({ MCPIST_SANDBOX: text }), "sandbox", "x").catch(
        (thrown: unknown) => thrown,
      )) as Error;
      expect(error).toMatchObject({
        code: "ERR_CONFIG",
        exitCode: 2,
        hint: 'start one in another terminal: mcpist sandbox, then here: eval "$(mcpist sandbox --print-env)"',
      });
      expect(error.message).not.toContain(CANARY);
    }
  });
  it("takes no URL that is not on loopback: a sandbox token goes nowhere else", async () => {
    const abroad = JSON.stringify({ ...SANDBOX_URLS, gateway: "https://elsewhere.test" });
    await expect(loadEnvironment(joined({ MCPIST_SANDBOX: abroad }), "sandbox", "x")).rejects.toMatchObject({
      code: "ERR_CONFIG",
    });
  });
});

describe("a terminal that is joined to the rehearsal of an environment", () => {
  const VENDORS = {
    GITHUB_API_URL: SANDBOX_URLS.github,
    GITHUB_BASE_URL: `${SANDBOX_URLS.github}/`,
    CLOUDFLARE_API_BASE_URL: SANDBOX_URLS.cloudflare,
    CLOUDFLARE_BASE_URL: `${SANDBOX_URLS.cloudflare}/`,
    KOYEB_URL: SANDBOX_URLS.koyeb,
    FLY_FLAPS_BASE_URL: SANDBOX_URLS.fly,
  };
  const rehearses = { name: "production", settings: ENVIRONMENT, ownDrain: false };
  const joined = (env: Record<string, string> = {}, change: object = {}) =>
    testContext({
      cwd: folder,
      env: { ...VENDORS, MCPIST_SANDBOX: JSON.stringify({ ...SANDBOX_URLS, rehearses, ...change }), ...env },
    });

  it("has that environment at the sandbox's addresses, without its file", async () => {
    const { name, environment } = await loadEnvironment(joined(), "production", "none.config.ts");
    expect(name).toBe("production");
    expect(environment.github).toMatchObject({ owner: "acme", repo: "mcp" });
    expect(environment.cloudflare.url).toBe("http://127.0.0.1:1");
    expect(environment.origins.map(({ app, url }) => [app, url])).toEqual([["o", "http://127.0.0.1:10"]]);
  });
  it.each(Object.keys(VENDORS))(
    "is refused when %s leads elsewhere: the names are those of real accounts",
    async (variable) => {
      for (const value of ["", "https://api.example.com"])
        await expect(loadEnvironment(joined({ [variable]: value }), "production", "x")).rejects.toMatchObject({
          code: "ERR_CONFIG",
          message: `this terminal is joined to a rehearsal, but ${variable} is not the sandbox's`,
        });
    },
  );
  it("works on no other environment, not even the built-in one", async () => {
    for (const name of ["staging", "sandbox"])
      await expect(loadEnvironment(joined(), name, "x")).rejects.toMatchObject({
        code: "ERR_CONFIG",
        hint: "--env production, or open a new terminal",
      });
  });
  it("names the setting that does not fit, or the origin that the sandbox lacks", async () => {
    const settings = { ...ENVIRONMENT, limits: { perIpPerMinute: "many" } };
    await expect(
      loadEnvironment(joined({}, { rehearses: { ...rehearses, settings } }), "production", "x"),
    ).rejects.toThrow("MCPIST_SANDBOX: environments.production.limits.perIpPerMinute: ");
    await expect(
      loadEnvironment(joined({}, { origins: { koyeb: SANDBOX_URLS.origins.koyeb } }), "production", "x"),
    ).rejects.toThrow("MCPIST_SANDBOX: origins: the sandbox was started without fly");
  });
});

describe("the environment that is to be rehearsed", () => {
  it("is the only one, or must be named", async () => {
    const one = await put("one-written.config.ts", config({ production: ENVIRONMENT }));
    const context = testContext({ cwd: folder });
    expect(await loadWritten(context, undefined, one)).toMatchObject({ name: "production", settings: ENVIRONMENT });
    const two = await put("two-written.config.ts", config({ production: ENVIRONMENT, staging: ELSEWHERE }));
    expect((await loadWritten(context, "staging", two)).name).toBe("staging");
    await expect(loadWritten(context, undefined, two)).rejects.toMatchObject({
      code: "ERR_USAGE",
      hint: "--env production",
    });
    await expect(loadWritten(context, CANARY, two)).rejects.toMatchObject({ code: "ERR_CONFIG" });
  });
});
