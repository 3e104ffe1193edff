import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import type { SandboxUrls } from "../../contract/sandbox.ts";
import { environmentOf, configText } from "./init-config.ts";
import type { Session } from "../session.ts";
import { testEnvironment } from "../test/environment.ts";
import { testContext } from "../test/test-context.ts";
import { stateLine } from "./config-line.ts";
import { fileChange } from "./routes.ts";

const WRITTEN = configText(
  "production",
  environmentOf(
    "production",
    {
      domain: "mcp.example.com",
      repo: "acme/mcp",
      account: "0".repeat(32),
      supabase: "abcd",
      koyebUrl: "https://a.koyeb.app",
      flyApp: "acme-mcp",
    },
    "1.0.0",
  ),
  true,
);

const TWO = `export default defineConfig({
  environments: {
    staging: {
      origins: [
        { name: "koyeb", kind: "koyeb", url: "https://s.koyeb.app" },
      ],
    },
    "pro-duction": {
      origins: [
        { name: 'koyeb', kind: "koyeb", url: "https://p.koyeb.app", state: 'pool' },
        {
          name: "fly",
          kind: "fly",
          state: "joining",
          url: "https://f.fly.dev",
        },
        {
          name: "third",
          kind: "fly"
        },
      ],
    },
  },
});
`;

describe("the line to change", () => {
  it("is found in the file that mcpist init writes, and the change is what the schema wants", () => {
    const change = stateLine(WRITTEN, "production", "koyeb", "quarantined");
    expect(change?.from).toContain('state: "pool" }');
    expect(change?.to).toBe(change?.from.replace('state: "pool"', 'state: "quarantined"'));
    expect(WRITTEN.split("\n")[(change?.line ?? 0) - 1]).toBe(change?.from);
  });
  it("belongs to the environment that is meant", () => {
    expect(stateLine(TWO, "staging", "koyeb", "quarantined")).toEqual({
      line: 5,
      from: '        { name: "koyeb", kind: "koyeb", url: "https://s.koyeb.app" },',
      to: '        { name: "koyeb", kind: "koyeb", url: "https://s.koyeb.app", state: "quarantined" },',
    });
    expect(stateLine(TWO, "pro-duction", "koyeb", "joining")).toEqual({
      line: 10,
      from: `        { name: 'koyeb', kind: "koyeb", url: "https://p.koyeb.app", state: 'pool' },`,
      to: `        { name: 'koyeb', kind: "koyeb", url: "https://p.koyeb.app", state: "joining" },`,
    });
  });
  it("is the state's own line where an origin is written over several", () => {
    expect(stateLine(TWO, "pro-duction", "fly", "pool")).toEqual({
      line: 14,
      from: '          state: "joining",',
      to: '          state: "pool",',
    });
    expect(stateLine(TWO, "pro-duction", "third", "joining")).toEqual({
      line: 18,
      from: '          name: "third",',
      to: '          name: "third", state: "joining",',
    });
  });
  it.each([
    ["an environment that is not there", TWO, "production", "koyeb"],
    ["an origin that is not there", TWO, "staging", "fly"],
    ["a name that comes twice", TWO.replace('name: "fly"', 'name: "third"'), "pro-duction", "third"],
    ["a file that is written in another way", "export { default } from './elsewhere.ts';", "production", "koyeb"],
    ["nothing at all", "", "production", "koyeb"],
  ])("is not guessed: %s", (_what, text, environment, origin) => {
    expect(stateLine(text, environment, origin, "quarantined")).toBeNull();
  });
});

describe("how the file has to be changed", () => {
  const [koyeb] = testEnvironment().origins;
  const session = { name: "production" } as Session;
  const flags = { config: "mcpist.config.ts", json: false, yes: false, debug: false };

  it("is told for the file above, from a folder of the project", async () => {
    const folder = await mkdtemp(join(tmpdir(), "mcpist-change-"));
    await mkdir(join(folder, "deep"));
    await writeFile(join(folder, "package.json"), "{}");
    await writeFile(
      join(folder, "mcpist.config.ts"),
      'export default {\n  environments: {\n    production: {\n      origins: [\n        { name: "koyeb", state: "pool" },\n      ],\n    },\n  },\n};\n',
    );
    const context = testContext({ cwd: join(folder, "deep") });
    expect(await fileChange(context, session, flags, koyeb!, "quarantined")).toMatchObject({
      file: "../mcpist.config.ts",
      change: { line: 5, to: '        { name: "koyeb", state: "quarantined" },' },
    });
  });

  it("is a line that a shell reads back as it is, in a terminal that has joined a rehearsal", async () => {
    const joined = { gateway: "http://127.0.0.1:1", rehearses: { name: "it's ours" } };
    const context = testContext();
    context.place.joined = joined as unknown as SandboxUrls;
    const change = await fileChange(context, session, flags, koyeb!, "quarantined");
    const { stdout } = await execa("sh", ["-c", `${change?.words}; printf %s "$MCPIST_SANDBOX"`]);
    expect(JSON.parse(stdout)).toEqual({ ...joined, states: { koyeb: "quarantined" } });
  });
});
