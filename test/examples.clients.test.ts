/**
 * The servers of examples/, each with the SDK of its language and the configuration beside it, behind an origin: listed, approved, called.
 * Every one needs its own packages or toolchain; .ci/tools installs them.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parseConfig } from "../contract/config.ts";
import type { ServerSettings } from "../contract/servers.ts";
import { Secret } from "../origin/modules/secret.ts";
import { createServers } from "../origin/servers/servers.ts";
import { pgliteDatabase, type TestDatabase } from "../origin/test/database.ts";
import { callTool, getSchema, newUser, resultOf, startOrigin, type TestOrigin } from "../origin/test/origin.ts";
import { localServers } from "../sandbox/servers.ts";

const EXAMPLES = fileURLToPath(new URL("../examples/", import.meta.url));
const CACHE = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "mcpist");
const required = process.env["CI"] === "true";

/** What an example needs: folders of programs that come before PATH, or why it cannot run here. */
type Programs = { readonly folders: readonly string[] } | { readonly missing: string };
const installed = (folder: string, program: string, how: string): Programs =>
  existsSync(join(folder, program)) ? { folders: [folder] } : { missing: `${program} is not installed: ${how}` };

const built = mkdtempSync(join(tmpdir(), "mcpist-examples-"));
afterAll(() => rmSync(built, { recursive: true, force: true }));

/** Builds the Go example. The modules are the ones that go.sum names. */
function go(): Programs {
  const { status, error, stderr } = spawnSync("go", ["build", "-o", join(built, "weather"), "."], {
    cwd: join(EXAMPLES, "go"),
    encoding: "utf8",
  });
  if (error) return { missing: "there is no Go toolchain" };
  return status === 0 ? { folders: [built] } : { missing: `go build: ${stderr.slice(0, 500)}` };
}

const WEATHER = {
  server: "weather",
  tool: "get_forecast",
  params: { city: "Bern" },
  structured: { city: "Bern", celsius: 14 },
  text: /^Bern: 14 °C$/,
  says: { instructions: "Temperatures are in degrees Celsius." },
};
const examples = [
  { name: "typescript", programs: (): Programs => ({ folders: [] }), ...WEATHER },
  {
    name: "python",
    programs: () => installed(join(CACHE, "clients/fastmcp-4.2.3/bin"), "fastmcp", "examples/python/requirements.txt"),
    ...WEATHER,
    // FastMCP writes a result's text as JSON.
    text: /^\{"city":"Bern","celsius":14\}$/,
  },
  { name: "go", programs: go, ...WEATHER },
  {
    name: "everything",
    programs: () => installed(join(CACHE, "everything/node_modules/.bin"), "mcp-server-everything", "from npm"),
    server: "everything",
    tool: "get-structured-content",
    params: { location: "New York" },
    structured: { temperature: 33, conditions: "Cloudy", humidity: 82 },
    text: /Cloudy/,
    says: {},
  },
];

/** The server of an example, as its own configuration has it, but with its programs in PATH. */
async function serverOf(name: string, server: string, folders: readonly string[]): Promise<ServerSettings> {
  const folder = join(EXAMPLES, name);
  const loaded = (await import(join(folder, "mcpist.config.ts"))) as { readonly default: unknown };
  const parsed = parseConfig(loaded.default);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const environment = parsed.value.environments["example"];
  const settings = environment && localServers(environment, folder, false).servers?.[server];
  if (!settings) throw new Error(`examples/${name} has no server "${server}"`);
  const path = [...folders, process.env["PATH"]].join(delimiter);
  return { ...settings, command: ["/usr/bin/env", `PATH=${path}`, ...(settings.command ?? [])] };
}

describe("the examples, behind one origin", () => {
  const missing = new Map<string, string>();
  let database: TestDatabase;
  let origin: TestOrigin;

  beforeAll(async () => {
    const settings: Record<string, ServerSettings> = {};
    for (const { name, programs, server } of examples) {
      const found = programs();
      if ("missing" in found) missing.set(name, found.missing);
      else settings[name] = await serverOf(name, server, found.folders);
    }
    const servers = createServers(settings, {
      secrets: new Map([["WEATHER_KEY", new Secret("key-of-the-weather-service")]]),
      separator: null,
      path: process.env["PATH"] ?? "",
      version: "0.0.0",
      fetch,
      random: () => 0.5,
      now: () => performance.now(),
    });
    if (!servers.ok) throw new Error(servers.error);
    database = await pgliteDatabase();
    origin = await startOrigin(database, { servers: servers.value, timers: true });
  }, 120_000);
  afterAll(async () => {
    await origin?.stop();
    await database?.close();
  });

  it.for(examples)("$name: listed with what it says to models, approved, and called", async (example, { skip }) => {
    const { name, tool, params, structured, text, says } = example;
    const fault = missing.get(name) ?? "";
    if (fault !== "" && !required) return skip(fault);
    expect(fault).toBe("");
    const { admin } = database;
    const pins = () =>
      admin.query<{ pin: string }>("select pin from mcpist.tool_sightings where module_id = $1 and tool_id = $2", [
        name,
        tool,
      ]);
    await vi.waitFor(async () => expect(await pins()).toHaveLength(1), { timeout: 25_000, interval: 50 });
    const [seen] = await pins();
    await admin.query("select mcpist.approve_tool($1, $2, $3, 'test')", [name, tool, seen?.pin ?? ""]);
    const userId = await newUser(database, { grants: [[name, tool]] });

    const shown = await resultOf(await getSchema(origin, userId, name));
    expect(shown.structuredContent).toMatchObject({ module: name, tools: [{ name: tool }], ...says });
    const result = await resultOf(await callTool(origin, userId, name, tool, params));
    expect(result).toMatchObject({ structuredContent: structured });
    expect(result.content.map((block) => block.text).join("")).toMatch(text);
  });
});
