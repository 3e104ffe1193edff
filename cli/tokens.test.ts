import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formsOf, testContext } from "./test/test-context.ts";
import { tokenOf } from "./tokens.ts";

const CANARY = "canary_5f0c6a1be2d49317_token";
let home = "";

/** A context whose PATH has only the clients that the test put there. */
const context = (env: Record<string, string> = {}) =>
  testContext({ env: { HOME: home, PATH: join(home, "bin"), ...env } });

/** A client that prints, or fails; it writes down how it was called and what it was given. */
async function client(name: string, prints: string, exitCode = 0): Promise<void> {
  const file = join(home, "bin", name);
  const body = `require("node:fs").writeFileSync(${JSON.stringify(join(home, `${name}.json`))}, JSON.stringify({ argv: process.argv.slice(2), env: process.env }));
process.stdout.write(${JSON.stringify(prints)}); process.exitCode = ${exitCode};`;
  await writeFile(`${file}.cjs`, body);
  // The path of this Node may have a space or a quotation mark in it.
  const quoted = `'${process.execPath.replaceAll("'", String.raw`'\''`)}'`;
  await writeFile(file, `#!/bin/sh\nexec ${quoted} "$0.cjs" "$@"\n`);
  await chmod(file, 0o755);
}

const called = async (name: string) =>
  JSON.parse(await readFile(join(home, `${name}.json`), "utf8")) as { argv: string[]; env: Record<string, string> };

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "mcpist-home-"));
  await mkdir(join(home, "bin"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

describe("the token of a platform", () => {
  it.each([
    ["github", "GH_TOKEN"],
    ["github", "GITHUB_TOKEN"],
    ["cloudflare", "CLOUDFLARE_API_TOKEN"],
    ["koyeb", "KOYEB_TOKEN"],
    ["fly", "FLY_API_TOKEN"],
    ["fly", "FLY_ACCESS_TOKEN"],
  ] as const)("of %s is taken from %s and from then on redacted", async (kind, variable) => {
    const ctx = context({ [variable]: CANARY });
    expect(await tokenOf(ctx, kind)).toBe(CANARY);
    for (const form of formsOf(CANARY)) expect(ctx.redactor.apply(`x ${form} y`)).toBe("x [secret] y");
  });

  it("is taken from the first variable, and an empty one counts as absent", async () => {
    expect(await tokenOf(context({ GH_TOKEN: "first-token-1", GITHUB_TOKEN: "second-token-2" }), "github")).toBe(
      "first-token-1",
    );
    expect(await tokenOf(context({ GH_TOKEN: "", GITHUB_TOKEN: "second-token-2" }), "github")).toBe("second-token-2");
  });

  it.each([
    ["github", "gh"],
    ["cloudflare", "wrangler"],
    ["fly", "fly"],
  ] as const)(
    "of %s comes from the login of %s where no variable is set; the client gets no other variable",
    async (kind, name) => {
      await client(name, `${CANARY}\n`);
      const ctx = context({ UNRELATED: CANARY, KOYEB_TOKEN: CANARY });
      expect(await tokenOf(ctx, kind)).toBe(CANARY);
      const seen = await called(name);
      expect(seen.argv).toEqual(["auth", "token"]);
      expect(Object.keys(seen.env)).not.toContain("UNRELATED");
      expect(JSON.stringify(seen)).not.toContain(CANARY);
    },
  );

  it("asks wrangler to leave its banner out, which it would print before the token", async () => {
    await client("wrangler", CANARY);
    await tokenOf(context(), "cloudflare");
    expect((await called("wrangler")).env).toMatchObject({
      WRANGLER_HIDE_BANNER: "true",
      WRANGLER_SEND_METRICS: "false",
      CI: "1",
    });
  });

  it("keeps both words of a Fly token that names its scheme", async () => {
    await client("fly", "FlyV1 fm2_lJPECAAAAAAA,fm2_bbbb\n");
    expect(await tokenOf(context(), "fly")).toBe("FlyV1 fm2_lJPECAAAAAAA,fm2_bbbb");
  });

  it.each([
    "token: abcdefgh12345678",
    'token: "abcdefgh12345678"',
    "url: https://app.koyeb.com\ntoken: 'abcdefgh12345678'\norganization: x",
  ])("of Koyeb comes from ~/.koyeb.yaml: %j", async (yaml) => {
    await writeFile(join(home, ".koyeb.yaml"), `${yaml}\n`);
    expect(await tokenOf(context(), "koyeb")).toBe("abcdefgh12345678");
  });

  it.each([
    ["is not installed", async () => undefined],
    ["has no login", () => client("gh", "", 1)],
    ["prints a sentence instead of a token", () => client("gh", "You are not logged in. Run gh auth login.\n")],
    ["prints nothing", () => client("gh", "\n")],
  ])("is missing when the client %s: the error names variable and login", async (_what, prepare) => {
    await prepare();
    await expect(tokenOf(context(), "github")).rejects.toMatchObject({
      code: "ERR_TOKEN_MISSING",
      exitCode: 2,
      message: "no token for github: GH_TOKEN is not set and no login was found",
      hint: "export GH_TOKEN, or gh auth login",
    });
  });
});

describe("a token with a character that no token has", () => {
  it.each([
    ["a curly quote", "\u201c" + CANARY + "\u201d", "U+201C at place 1"],
    ["an invisible character", "canary\u200b_token_123", "U+200B at place 7"],
    ["a blank", "canary token_1234567", "U+0020 at place 7"],
    ["a terminal code", CANARY + "\u001b[0m", "U+001B at place 30"],
    ["a smiley", "canary\u{1f600}_token_12", "U+1F600 at place 7"],
  ])("(%s) is named with its variable, without the token", async (_what, token, place) => {
    const error = (await tokenOf(context({ GITHUB_TOKEN: token }), "github").catch(
      (thrown: unknown) => thrown,
    )) as Error;
    expect(error).toMatchObject({
      code: "ERR_TOKEN_SHAPE",
      exitCode: 2,
      message: `GITHUB_TOKEN holds a character that no token has (${place})`,
    });
    expect(JSON.stringify(error)).not.toContain("canary");
  });

  it("is used without the line ends around it, and Fly's scheme keeps its blank", async () => {
    expect(await tokenOf(context({ GH_TOKEN: `${CANARY}\r\n` }), "github")).toBe(CANARY);
    expect(await tokenOf(context({ FLY_API_TOKEN: "FlyV1 fm2_aaaaaaaa,fm2_b\n" }), "fly")).toBe(
      "FlyV1 fm2_aaaaaaaa,fm2_b",
    );
  });

  it("is not mistaken for an absent one where it is nothing but white space", async () => {
    await expect(tokenOf(context({ GH_TOKEN: " \n" }), "github")).rejects.toMatchObject({
      message: "GH_TOKEN holds nothing but white space",
    });
  });
});
