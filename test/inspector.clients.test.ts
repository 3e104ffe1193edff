/** The MCP Inspector's command line, unchanged, through the real gateway in workerd to the real origin, in both eras of the protocol. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pgliteDatabase, type TestDatabase } from "../origin/test/database.ts";
import { newSecret, newUser, startOrigin, type TestOrigin } from "../origin/test/origin.ts";
import { findClient } from "../sandbox/test/client.ts";
import { configOf } from "../worker/test/config.ts";
import { startGateway, startIssuer, type TestGateway, type TestIssuer } from "../worker/test/gateway.ts";
import { claimsAt, signToken } from "../worker/test/tokens.ts";

const inspector = findClient("mcp-inspector");

if (process.env["CI"] === "true" && inspector === null) {
  it("has the Inspector", () => {
    expect(inspector).not.toBeNull();
  });
}

let database: TestDatabase;
let issuer: TestIssuer;
let origin: TestOrigin;
let gateway: TestGateway;
let folder: string;
let token: string;

/** What the Inspector said. */
interface Said {
  readonly exitCode: number | undefined;
  /** The server's result; null when there is none. */
  readonly result: unknown;
  /** stdout and stderr. */
  readonly text: string;
}

async function inspect(era: string, args: readonly string[], server = "mcp"): Promise<Said> {
  const file = await writeConfig();
  const flags = ["--cli", "--config", file, "--server", server, "--protocol-era", era, "--format", "json", "--quiet"];
  const { exitCode, stdout, all } = await execa(process.execPath, [inspector ?? "", ...flags, ...args], {
    env: { HOME: folder },
    extendEnv: false,
    all: true,
    reject: false,
    verbose: "none",
    timeout: 150_000,
  });
  const { result = null } = JSON.parse(stdout || "{}") as { readonly result?: unknown };
  return { exitCode, result, text: all };
}

/** The token goes in by a file: never in argv. */
async function writeConfig(): Promise<string> {
  const file = join(folder, "inspector.json");
  const server = (headers: Readonly<Record<string, string>>) => ({
    type: "streamable-http",
    url: `${gateway.url}/mcp`,
    headers,
  });
  const mcpServers = {
    mcp: server({ authorization: `Bearer ${token}` }),
    stranger: server({ authorization: `Bearer ${token}x` }),
  };
  await writeFile(file, JSON.stringify({ mcpServers }));
  return file;
}

describe.skipIf(inspector === null)(
  "the MCP Inspector (skipped where @modelcontextprotocol/inspector is not installed)",
  () => {
    beforeAll(async () => {
      [database, issuer, folder] = await Promise.all([
        pgliteDatabase(),
        startIssuer(),
        mkdtemp(join(tmpdir(), "mcpist-inspector-")),
      ]);
      const secret = newSecret();
      origin = await startOrigin(database, { secrets: { GATEWAY_SECRET_A: secret } });
      gateway = await startGateway({ secret, config: configOf([{ name: "koyeb", url: origin.url }], issuer.url) });
      const sub = await newUser(database, { grants: [["lab", "read"]], plan: "unlimited" });
      token = await signToken(issuer.key, claimsAt(Math.floor(Date.now() / 1000), { sub }));
    });
    afterAll(async () => {
      await gateway.close();
      await Promise.all([origin.stop(), issuer.origin.close()]);
      await database.close();
      await rm(folder, { recursive: true, force: true });
    });

    describe.each(["legacy", "modern", "auto"])("in the era %s", (era) => {
      it("lists the two tools, and finds nothing to complain of in their schemas", async () => {
        const said = await inspect(era, ["--method", "tools/list", "--strict"]);
        expect(said).toMatchObject({
          exitCode: 0,
          result: { tools: [{ name: "get_module_schema" }, { name: "call" }] },
        });
      });

      it("calls a tool", async () => {
        const args = JSON.stringify({ module: "lab", tool: "read", params: { text: "hello" } });
        const said = await inspect(era, ["--method", "tools/call", "--tool-name", "call", "--tool-args-json", args]);
        expect(said).toMatchObject({ exitCode: 0, result: { structuredContent: { text: "hello" } } });
      });

      it("is told which tool is not available", async () => {
        const args = JSON.stringify({ module: "lab", tool: "effect", params: {} });
        const { text } = await inspect(era, [
          "--method",
          "tools/call",
          "--tool-name",
          "call",
          "--tool-args-json",
          args,
        ]);
        expect(text).toContain("not available to you");
        expect(origin.lab.effects).toEqual([]);
      });

      it("is refused with a token that was tampered with", async () => {
        const said = await inspect(era, ["--method", "tools/list", "--stored-auth-only"], "stranger");
        expect(said).toMatchObject({ result: null, text: expect.stringContaining("401") });
      });
    });
  },
);
