/** A server at a URL: every call says for whom it is made, and nothing that the server sends can grow without a bound. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { Secret } from "../modules/secret.ts";
import { WholeResult, type ToolContext } from "../modules/module.ts";
import { createServers, type Servers } from "./servers.ts";

let server: Server;
let servers: Servers;
let seen: IncomingHttpHeaders = {};

beforeAll(async () => {
  const handler = createMcpHandler(
    () => {
      const mcp = new McpServer({ name: "notes", version: "1" }, { instructions: "" });
      mcp.registerTool("echo", { description: "d", inputSchema: z.object({ text: z.string() }) }, ({ text }) => ({
        content: [{ type: "text", text }],
      }));
      mcp.registerTool("big", { description: "d", inputSchema: z.object({}) }, () => ({
        content: [{ type: "text", text: "x".repeat(3 * 1024 * 1024) }],
      }));
      mcp.registerTool("picture", { description: "d", inputSchema: z.object({}) }, () => ({
        content: [{ type: "image", data: "aGk=", mimeType: "image/png" }],
        structuredContent: { width: 1 },
        _meta: { "io.modelcontextprotocol/serverInfo": { name: "not you", version: "1" } },
      }));
      return mcp;
    },
    { legacy: "stateless" },
  );
  const listener = getRequestListener((request) => handler.fetch(request));
  server = createServer((incoming, outgoing) => {
    if (incoming.url === "/elsewhere") {
      outgoing.writeHead(307, { location: "http://127.0.0.1:9/mcp" }).end();
      return;
    }
    seen = incoming.headers;
    void listener(incoming, outgoing);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const made = createServers(
    {
      notes: { url: `${base}/mcp`, credential: "NOTES_CREDENTIAL", account: "github" },
      moved: { url: `${base}/elsewhere` },
    },
    {
      secrets: new Map([["NOTES_CREDENTIAL", new Secret("notes-credential")]]),
      separator: null,
      path: "",
      version: "0",
      fetch,
      random: () => 0.5,
      now: () => performance.now(),
    },
  );
  if (!made.ok) throw new Error(made.error);
  servers = made.value;
  servers.start({ onListing: () => {}, onState: () => {}, onStderr: () => {} });
  await servers.settled();
});
afterAll(async () => {
  await servers.stop();
  server.close();
  server.closeAllConnections();
});

function run(tool: string, params: unknown = {}): Promise<unknown> {
  const context: ToolContext = {
    signal: new AbortController().signal,
    now: () => new Date(),
    requestId: "019a0000-0000-7000-8000-000000000001",
    userId: "00000000-0000-4000-8000-000000000001",
    traceparent: null,
    token: async () => new Secret("token-of-the-user"),
    progress: null,
  };
  const notes = servers.modules.find(({ name }) => name === "notes");
  return notes?.tools.get(tool)?.run(params, context) ?? Promise.reject(new Error(`no tool ${tool}`));
}

describe("a server at a URL", () => {
  it("hears for whom each call is made, with its own credential and the user's account", async () => {
    expect(await run("echo", { text: "hello" })).toEqual(
      new WholeResult({ content: [{ type: "text", text: "hello" }] }),
    );
    expect(seen).toMatchObject({
      authorization: "Bearer notes-credential",
      "x-user-id": "00000000-0000-4000-8000-000000000001",
      "x-request-id": "019a0000-0000-7000-8000-000000000001",
      "x-mcpist-account-token": "token-of-the-user",
    });
  });

  it("may answer with content of every type, but not in our name", async () => {
    expect(await run("picture")).toEqual(
      new WholeResult({
        content: [{ type: "image", data: "aGk=", mimeType: "image/png" }],
        structuredContent: { width: 1 },
      }),
    );
  });

  it("cannot answer with more than 2 MiB: whether the call ran is unknown then", async () => {
    await expect(run("big")).rejects.toThrow("the call may have been executed");
    // The others go on.
    expect(await run("echo", { text: "still here" })).toBeInstanceOf(WholeResult);
  });

  it("is not followed to another place", () => {
    expect(servers.states().get("moved")).toBe("down");
  });
});
