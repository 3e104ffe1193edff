/** One rule for every command that reaches a platform: without a token nothing is asked or started, and it is said once, with exit code 2. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { run } from "./program.ts";
import { ENVIRONMENT_INPUT } from "./test/environment.ts";
import { testContext, urlOf } from "./test/test-context.ts";

const folder = mkdtempSync(join(tmpdir(), "mcpist-no-token-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "cdktf.json"), '{ "app": "node stacks.ts" }');
// Whoever synthesizes leaves a trace.
writeFileSync(join(folder, "stacks.ts"), 'import { writeFileSync } from "node:fs";\nwriteFileSync("started", "");\n');
writeFileSync(
  join(folder, "mcpist.config.ts"),
  `export default ${JSON.stringify({ environments: { production: ENVIRONMENT_INPUT } })};\n`,
);

async function call(words: string, env: Readonly<Record<string, string>> = {}) {
  const asked: string[] = [];
  const context = testContext({
    cwd: folder,
    stdin: "value",
    env: { PATH: "", HOME: folder, ...env },
    fetch: async (input) => {
      asked.push(new URL(urlOf(input)).host);
      throw new TypeError("this test has no network");
    },
  });
  const code = await run([...words.split(" "), "--env", "production"], context);
  return { code, asked, err: context.err(), out: context.out() };
}
const PLATFORMS = /^api\.(?:github|cloudflare|machines)|koyeb\.com$/;

describe("without a token", () => {
  it.each([
    "secrets rotate",
    "secrets rotate --dry-run",
    "secrets rotate --emergency now --yes",
    "secrets status",
    "secrets verify",
    "secrets history",
    "secrets rollback --yes",
    "secrets restore koyeb",
    "secrets list",
    "secrets put DATABASE_URL",
    "origins quarantine koyeb --yes",
    "origins join koyeb",
    "deploy",
    "deploy --base",
    "deploy --first --yes",
    "deploy --dry-run",
    "drift",
  ])("%s says so once and stops", async (words) => {
    const { code, asked, err, out } = await call(words);
    expect({ code, asked, out }).toEqual({ code: 2, asked: [], out: "" });
    expect(err).toMatch(
      /^error: no token for github: GH_TOKEN is not set and no login was found \(ERR_TOKEN_MISSING\)\nhint: .*\npage: .*\n$/,
    );
  });
  it.each(["doctor", "doctor --deploy", "doctor --tokens", "whoami"])("%s ends with the same code", async (words) => {
    const { code, asked, out } = await call(words);
    expect([code, asked.filter((host) => PLATFORMS.test(host))]).toEqual([2, []]);
    expect(out).toContain("no token for github: GH_TOKEN is not set");
  });
  it.each(["deploy", "deploy --json"])(
    "%s adds nothing to what its look at the secrets says of a token",
    async (words) => {
      // The look is a program of its own: it meets an address that no token is sent to, and says so itself.
      const tokens = { GH_TOKEN: "t", CLOUDFLARE_API_TOKEN: "t", KOYEB_TOKEN: "t", FLY_API_TOKEN: "t" };
      const { code, err, out } = await call(words, { ...tokens, GITHUB_API_URL: "http://github.example.com" });
      expect(code).toBe(2);
      expect(err).toMatch(/^error: the base URL of GitHub [^\n]*\(ERR_CONFIG\)\nhint: [^\n]*\npage: [^\n]*\n$/);
      if (words.includes("json"))
        expect(JSON.parse(out)).toMatchObject({ ok: false, exitCode: 2, error: { code: "ERR_CONFIG" } });
    },
  );
  it.each(["doctor --tokens", "whoami"])("%s says 4 of one that a platform refuses", async (words) => {
    const context = testContext({
      cwd: folder,
      env: { PATH: "", HOME: folder, GH_TOKEN: "gh-token-1" },
      fetch: async () => Response.json({ message: "Bad credentials" }, { status: 401 }),
    });
    expect(await run([...words.split(" "), "--env", "production"], context)).toBe(4);
  });
});
