import { describe, expect, it } from "vitest";
import { Place, mcpist, page, say, textOf } from "./hints/hint.ts";
import { invocationAt, typedBy } from "./invocation.ts";

describe("what is typed", () => {
  it.each<[string, Parameters<typeof invocationAt>, ReturnType<typeof invocationAt>]>([
    ["in a checkout", ["/a/co", "/a/co/", false], { program: "npm run mcpist --", pages: "" }],
    ["in a checkout whose bin/ is on the PATH", ["/a/co", "/a/co/", false, "mcpist"], { program: "mcpist", pages: "" }],
    ["in a checkout by npx", ["/a/co", "/a/co/", false, "npx mcpist"], { program: "npx mcpist", pages: "" }],
    ["deep in a checkout", ["/a/co/cli/x", "/a/co/", false], { program: "npm run mcpist --", pages: "../../" }],
    ["elsewhere with a checkout's command", ["/b", "/a/co/", false], { program: "mcpist", pages: "" }],
    [
      "in a project",
      ["/a/my-mcp", "/a/my-mcp/node_modules/mcpist/", true],
      { program: "npx mcpist", pages: "node_modules/mcpist/" },
    ],
    [
      "deep in a project that pnpm installed",
      ["/a/my-mcp/ops", "/a/my-mcp/node_modules/.pnpm/mcpist@0.1.0/node_modules/mcpist/", true],
      { program: "npx mcpist", pages: "../node_modules/mcpist/" },
    ],
    [
      "where it is installed for the whole machine",
      ["/a/my-mcp", "/usr/lib/node_modules/mcpist/", true],
      { program: "mcpist", pages: "" },
    ],
    [
      "in a folder that only begins alike",
      ["/a/my-mcp-2", "/a/my-mcp/node_modules/mcpist/", true],
      { program: "mcpist", pages: "" },
    ],
    ["without a package", ["/a", null, true], { program: "mcpist", pages: "" }],
  ])("fits the place: %s", (_, args, expected) => {
    expect(invocationAt(...args)).toEqual(expected);
  });

  it.each([
    [{ MCPIST_TYPED: "mcpist", npm_command: "exec" }, "mcpist"],
    [{ npm_command: "exec" }, "npx mcpist"],
    [{ npm_command: "run" }, undefined],
    [{}, undefined],
  ])("is known from the environment: %o", (env, expected) => {
    expect(typedBy(env)).toBe(expected);
  });
});

describe("a hint", () => {
  const place = Object.assign(new Place(), { env: "production", program: "npm run mcpist --", pages: "../" });
  it("names the command as it is typed here, and a page that is there", () => {
    expect(textOf(say`${mcpist("secrets verify")}   (${page("docs/deploy.md")})`, place)).toBe(
      "npm run mcpist -- secrets verify --env production   (../docs/deploy.md)",
    );
  });
  it("lets npm say nothing where a shell reads the answer", () => {
    expect(textOf(say`eval "$(${mcpist("sandbox --print-env")})"`, place)).toBe(
      'eval "$(npm run --silent mcpist -- sandbox --print-env)"',
    );
  });
});
