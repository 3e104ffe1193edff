import { describe, expect, it } from "vitest";
import { thrownSentence } from "./thrown.ts";

const FOLDER = "/people/ana/my project";
const WHERE = {
  folder: FOLDER,
  variables: {
    GH_TOKEN: "hunter",
    SALT: "a9f3-77c1-20bb",
    NODE_ENV: "production",
    HOME: "/people/ana",
    DATABASE_URL: "postgres://me:pass@db/x",
  },
};
const URL_OF_FOLDER = "file:///people/ana/my%20project";

function error(name: string, message: string, stack: string): Error {
  const made = new Error(message);
  return Object.assign(made, { name, stack });
}
const at = (place: string, message = "x", name = "Error") =>
  error(
    name,
    message,
    `${name}: ${message}\n    at node:internal/x:1:1\n    at Object.<anonymous> (${URL_OF_FOLDER}/${place})`,
  );

describe("what a configuration threw", () => {
  it.each([
    [
      "a member of nothing",
      at("mcpist.config.ts:2:23", "Cannot read properties of undefined (reading 'owner')", "TypeError"),
      "TypeError: Cannot read properties of undefined (reading 'owner'), at mcpist.config.ts:2",
    ],
    [
      "a file that is not there",
      at("lib/names.ts:7:1", "ENOENT: no such file or directory, open './names.json'"),
      "Error: ENOENT: no such file or directory, open './names.json', at lib/names.ts:7",
    ],
    [
      "a package that is not installed",
      error(
        "Error",
        `Cannot find package 'not-there' imported from ${FOLDER}/mcpist.config.ts`,
        "Error\n    at packageResolve (node:internal/modules/esm/resolve:784:25)",
      ),
      "Error: Cannot find package 'not-there' imported from mcpist.config.ts",
    ],
    [
      "an import without its attribute",
      error("TypeError", `Module "file://${FOLDER}/data.json" needs an import attribute of "type: json"`, ""),
      'TypeError: Module "data.json" needs an import attribute of "type: json"',
    ],
    [
      "a syntax error, whose stack quotes the source",
      error(
        "SyntaxError",
        "Expected ',', got ';'",
        `${FOLDER}/mcpist.config.ts:12\nexport default { secret: "canary" ;;; }\n   ^\n\nSyntaxError: Expected`,
      ),
      "SyntaxError: Expected ',', got ';', at mcpist.config.ts:12",
    ],
    [
      "a text that is no JSON",
      at("mcpist.config.ts:1:21", `Unexpected token 'h', "hello" is not valid JSON`, "SyntaxError"),
      `SyntaxError: Unexpected token '…', "…" is not valid JSON, at mcpist.config.ts:1`,
    ],
    [
      "a secret of the environment, however plain",
      at("mcpist.config.ts:4:7", "no account for hunter"),
      "Error: no account for […], at mcpist.config.ts:4",
    ],
    [
      "other values of the environment, but no common word",
      at("mcpist.config.ts:4:7", "a9f3-77c1-20bb of production"),
      "Error: […] of production, at mcpist.config.ts:4",
    ],
    [
      "an address with a password, a pair, a token",
      at(
        "mcpist.config.ts:4:7",
        "cannot reach https://a:b@c.example/x key=abc1 ghp_a1b2c3d4e5f6a7b8c9d0 0123456789abcdef0123456789abcdef",
      ),
      "Error: cannot reach […] […] […] […], at mcpist.config.ts:4",
    ],
    [
      "a key of base64, whose slashes are no path's",
      // In parts, so that no scanner takes it for one.
      at("c.ts:1:1", `no bucket for ${["qZtLmWXvRkPUe", "B4NHDTS", "yGxKfuDWVJMORSETAB"].join("/")}`),
      "Error: no bucket for […], at c.ts:1",
    ],
    [
      "paths as people and programs name them",
      at(
        "c.ts:1:1",
        "not /people/runner/builds/myApp2/node_modules/@acme/mcp-kit/dist/loadConfig.mjs file:///people/ana/2026-11-30/x86_64/v1.2/README.md ./lib/es2022/",
      ),
      "Error: not /people/runner/builds/myApp2/node_modules/@acme/mcp-kit/dist/loadConfig.mjs file:///people/ana/2026-11-30/x86_64/v1.2/README.md ./lib/es2022/, at c.ts:1",
    ],
    ["a quoted value", at("c.ts:1:1", "no zone for 'kd93 jf0s'"), "Error: no zone for '…', at c.ts:1"],
    ["a text", "canary", "it threw a text that is no Error"],
    ["nothing", null, "it threw null that is no Error"],
  ])("names %s and where, never a value", (_what, thrown, sentence) => {
    expect(thrownSentence(thrown, WHERE)).toBe(sentence);
  });

  it("is said even of an error that cannot be read", () => {
    const hostile = new Error("x");
    Object.defineProperty(hostile, "message", {
      get: () => {
        throw new Error("canary");
      },
    });
    expect(thrownSentence(hostile, WHERE)).toBe("it threw what cannot be read");
  });

  it("is told from the folder, whatever that is called and whatever variable leads there", () => {
    const folder = "/people/JSmith/qZ4tLm";
    const thrown = at("c.ts:1:1", `Cannot find package 'not-there' imported from ${folder}/mcpist.config.ts`);
    expect(thrownSentence(thrown, { folder, variables: { PWD: folder, HOME: "/people/JSmith" } })).toBe(
      "Error: Cannot find package 'not-there' imported from mcpist.config.ts",
    );
  });

  it("names no place of its own program", () => {
    const inside = error("Error", "x", `Error: x\n    at f (${URL_OF_FOLDER}/node_modules/mcpist/dist/a.js:1:1)`);
    expect(thrownSentence(inside, WHERE)).toBe("Error: x");
  });
});
