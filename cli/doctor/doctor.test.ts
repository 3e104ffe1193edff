import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HINTS } from "../hints/hints.ts";
import { run } from "../program.ts";
import { ENVIRONMENT_INPUT, testEnvironment } from "../test/environment.ts";
import { handler, type Routes } from "../test/handler.ts";
import { formsOf, testContext } from "../test/test-context.ts";
import { exitCodeOf } from "./doctor.ts";
import { checksOf } from "./check.ts";
import { checkEngine, checkNode } from "./local.ts";
import { checkNetwork } from "./network.ts";

const CANARY = "canary-5f0c6a1be2d49317-token";
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpist-doctor-"));
  await mkdir(join(folder, "bin"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const program = async (name: string, prints: string) => {
  // Not Node's own path, which a line that names the interpreter cannot hold when there is a space in it.
  await writeFile(join(folder, "bin", name), `#!/bin/sh\nprintf %s '${prints}'\n`);
  await chmod(join(folder, "bin", name), 0o755);
};
const here = (env: Record<string, string> = {}) => testContext({ env: { PATH: join(folder, "bin"), ...env } });

describe("this machine", () => {
  it.each([
    ["24.21.0", "ok"],
    ["22.18.0", "ok"],
    ["22.17.9", "missing"],
    ["20.19.0", "missing"],
  ])("with Node %s is %s", (version, outcome) => {
    expect(checkNode(version).outcome).toBe(outcome);
  });
  it("needs an engine, of either name, that is new enough and chosen", async () => {
    expect(await checkEngine(here())).toMatchObject({ outcome: "missing", detail: "terraform does not run" });
    await program("tofu", '{"terraform_version":"1.10.2"}');
    expect(await checkEngine(here())).toMatchObject({ outcome: "missing", next: "export TERRAFORM_BINARY_NAME=tofu" });
    expect(await checkEngine(here({ TERRAFORM_BINARY_NAME: "tofu" }))).toMatchObject({
      outcome: "ok",
      detail: "tofu 1.10.2",
    });
    await program("terraform", '{"terraform_version":"1.9.8"}');
    expect(await checkEngine(here())).toMatchObject({ outcome: "missing", detail: "terraform 1.9.8 is too old" });
    await program("terraform", "no JSON at all");
    expect(await checkEngine(here())).toMatchObject({ outcome: "missing" });
  });
});

describe("what the world sees", () => {
  const KID = "00000000000000aa";
  const FULL: Routes = {
    "GET https://mcp.example.com/.well-known/mcpist/gateway": Response.json({
      role: "worker",
      instanceId: "i",
      deployment: "v",
      kid: KID,
      lastAccepted: {},
    }),
    "GET https://mcpist-acme.koyeb.app/.well-known/mcpist/gateway": Response.json({
      role: "origin",
      instanceId: "i",
      deployment: "d",
      kids: { a: KID, b: null },
      lastAccepted: {},
    }),
    "GET https://issuer.example.com/auth/v1/.well-known/jwks.json": Response.json({ keys: [{}] }),
  };
  /** Routes by whole URL, because three hosts are asked. */
  const look = async (over: Routes = {}, koyeb: "pool" | "joining" | "quarantined" = "pool") => {
    const server = handler({ ...FULL, ...over }, "");
    const context = testContext({
      fetch: async (input, init) => {
        const { origin, pathname } = new URL(input instanceof Request ? input.url : input);
        const found = { ...FULL, ...over }[`${init?.method ?? "GET"} ${origin}${pathname}`];
        if (found instanceof Error) throw found;
        return found instanceof Response ? found.clone() : server.fetch(input, init);
      },
    });
    const [first, second] = ENVIRONMENT_INPUT.origins;
    const origins = [{ ...first!, state: koyeb }, second!];
    return checkNetwork(context, testEnvironment({ origins }));
  };
  it("is gateway, origins and sign-in keys", async () => {
    const checks = await look();
    expect(checks.map(({ outcome, area, what, detail }) => `${outcome} ${area} ${what}: ${detail}`)).toEqual([
      `ok gateway reachable: https://mcp.example.com sends ${KID}`,
      `ok origin koyeb: https://mcpist-acme.koyeb.app accepts ${KID}`,
      "missing origin fly: https://mcpist-origin.fly.dev does not answer as an origin",
      "ok issuer sign-in keys: 1 at https://issuer.example.com/auth/v1/.well-known/jwks.json",
    ]);
    expect(checks[2]?.next).toContain("mcpist origins quarantine fly");
  });
  it.each<[string, Routes, number, string]>([
    [
      "a gateway that is away",
      { "GET https://mcp.example.com/.well-known/mcpist/gateway": new TypeError("fetch failed") },
      0,
      "it did not answer (TypeError)",
    ],
    [
      "a gateway that is something else",
      { "GET https://mcp.example.com/.well-known/mcpist/gateway": Response.json({ hello: 1 }) },
      0,
      "is served by something else",
    ],
    [
      "a gateway without a secret",
      {
        "GET https://mcp.example.com/.well-known/mcpist/gateway": Response.json({
          role: "worker",
          instanceId: "i",
          deployment: "v",
          kid: null,
          lastAccepted: {},
        }),
      },
      0,
      "sends no secret yet",
    ],
    [
      "an issuer without asymmetric keys",
      { "GET https://issuer.example.com/auth/v1/.well-known/jwks.json": Response.json({ keys: [] }) },
      3,
      "is empty",
    ],
    [
      "an issuer that is none",
      { "GET https://issuer.example.com/auth/v1/.well-known/jwks.json": Response.json([]) },
      3,
      "is no key set",
    ],
  ])("tells %s", async (_what, over, index, detail) => {
    const check = (await look(over))[index];
    expect(check?.outcome).toBe("missing");
    expect(check?.detail).toContain(detail);
  });
  it("does not ask an origin that is quarantined, and says how one that joins gets in", async () => {
    expect((await look({}, "quarantined"))[1]).toMatchObject({ outcome: "not run", detail: "it is quarantined" });
    const away: Routes = { "GET https://mcpist-acme.koyeb.app/.well-known/mcpist/gateway": new TypeError("x") };
    expect((await look(away, "joining"))[1]).toMatchObject({ outcome: "missing", next: "mcpist origins join koyeb" });
  });
});

describe("the exit code", () => {
  const checks = checksOf("github");
  it("is 0, 2, 3 or 4", () => {
    expect(exitCodeOf([checks.ok("a", "")])).toBe(0);
    expect(exitCodeOf([checks.ok("a", ""), checksOf("origin").notRun("koyeb", "it is quarantined")])).toBe(0);
    expect(exitCodeOf([checks.ok("a", ""), checks.notRun("b", "")])).toBe(3);
    expect(exitCodeOf([checks.missing("a", "", HINTS.again())])).toBe(3);
    expect(exitCodeOf([checks.tooBroad("a", "", HINTS.again())])).toBe(3);
    expect(exitCodeOf([checks.missing("a", "", HINTS.again()), checks.denied("b", "", HINTS.again())])).toBe(4);
    expect(exitCodeOf([checks.missing("a", "", HINTS.again()), checks.noToken(null, HINTS.again())])).toBe(2);
    expect(exitCodeOf([checks.denied("a", "", HINTS.again()), checks.noToken(null, HINTS.again())])).toBe(4);
  });
});

describe("mcpist doctor", () => {
  async function doctor(...argv: string[]) {
    await writeFile(
      join(folder, "mcpist.config.ts"),
      `export default ${JSON.stringify({ environments: { production: ENVIRONMENT_INPUT } })};\n`,
    );
    await program("terraform", '{"terraform_version":"1.11.4"}');
    // Every platform refuses every token.
    const refuse: typeof fetch = () =>
      Promise.resolve(Response.json({ message: `bad token ${CANARY}` }, { status: 401 }));
    const context = testContext({
      cwd: folder,
      fetch: refuse,
      env: {
        PATH: join(folder, "bin"),
        HOME: folder,
        GH_TOKEN: CANARY,
        CLOUDFLARE_API_TOKEN: CANARY,
        FLY_API_TOKEN: CANARY,
      },
    });
    const code = await run(["doctor", "--env", "production", ...argv], context);
    return { code, out: context.out(), err: context.err() };
  }

  it("prints one line per check with the next step, and ends with 4 when a token is refused", async () => {
    const { code, out } = await doctor();
    expect(code).toBe(4);
    const lines = out.split("\n");
    expect(lines).toContain(`ok       node        version            ${process.versions.node}`);
    expect(out).toMatch(
      /^missing {2}github +token +GitHub does not accept it: wrong or expired {2}-> {2}make a new one: https:\/\//m,
    );
    expect(out).toMatch(
      /^missing {2}koyeb +token +no token for koyeb: KOYEB_TOKEN is not set and no login was found {2}-> {2}export KOYEB_TOKEN, or koyeb login$/m,
    );
    expect(out).toMatch(/\n\d+ of \d+ checks are not ok\n$/);
  });
  it("never shows a token, in lines or in JSON", async () => {
    const plain = await doctor();
    const json = await doctor("--json");
    for (const form of formsOf(CANARY)) expect(plain.out + plain.err + json.out + json.err).not.toContain(form);
    expect(JSON.parse(json.out)).toMatchObject({
      command: "doctor",
      environment: "production",
      ok: false,
      exitCode: 4,
    });
  });
  it("is about an environment of mcpist.config.ts", async () => {
    const context = testContext({ cwd: folder });
    expect(await run(["doctor", "--env", "production"], context)).toBe(2);
    expect(context.err()).toContain("mcpist init   (writes one");
  });
});
