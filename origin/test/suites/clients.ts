/** The official SDK's clients of both eras, unchanged, talking to the origin as the gateway would let them. */
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from "@modelcontextprotocol/client";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as LegacyTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { describe, expect, it } from "vitest";
import { GATEWAY_SECRET_HEADER, REQUEST_ID_HEADER, USER_ID_HEADER } from "../../../contract/headers.ts";
import type { TestDatabase } from "../database.ts";
import { modern, newRequestId, newUser, post, startOrigin, type TestOrigin } from "../origin.ts";

/** Adds per request what the gateway adds. */
const asGateway =
  ({ secret }: TestOrigin, userId: string): typeof fetch =>
  (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set(GATEWAY_SECRET_HEADER, secret);
    headers.set(USER_ID_HEADER, userId);
    headers.set(REQUEST_ID_HEADER, newRequestId());
    return fetch(input, { ...init, headers });
  };
const info = { name: "test", version: "1" };
interface AnyClient {
  listTools(): Promise<{ tools: { name: string }[] }>;
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<unknown>;
  close(): Promise<void>;
}

export function describeClients(database: () => TestDatabase): void {
  describe("official clients", () => {
    const clients: readonly (readonly [string, (origin: TestOrigin, userId: string) => Promise<AnyClient>])[] = [
      [
        "of 2026-07-28",
        async (origin, userId) => {
          const client = new ModernClient(info, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
          await client.connect(new ModernTransport(new URL(`${origin.url}/mcp`), { fetch: asGateway(origin, userId) }));
          return client;
        },
      ],
      [
        "that negotiate",
        async (origin, userId) => {
          const client = new ModernClient(info, { versionNegotiation: { mode: "auto" } });
          await client.connect(new ModernTransport(new URL(`${origin.url}/mcp`), { fetch: asGateway(origin, userId) }));
          return client;
        },
      ],
      [
        "of the 2025 revisions",
        async (origin, userId) => {
          const client = new LegacyClient(info);
          await client.connect(new LegacyTransport(new URL(`${origin.url}/mcp`), { fetch: asGateway(origin, userId) }));
          return client;
        },
      ],
    ];
    it.each(clients)("%s list, read schemas, call, and are refused alike", async (_, connect) => {
      const origin = await startOrigin(database());
      const userId = await newUser(database(), {
        grants: [
          ["lab", "read"],
          ["lab", "effect"],
          ["http_status", "check"],
        ],
      });
      const client = await connect(origin, userId);
      expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(["get_module_schema", "call"]);
      const call = (module: string, tool: string, params = {}) =>
        client.callTool({ name: "call", arguments: { module, tool, params } });
      expect(await client.callTool({ name: "get_module_schema", arguments: { module: "lab" } })).toMatchObject({
        structuredContent: { module: "lab", tools: [{ name: "read" }, { name: "effect" }] },
      });
      expect(await call("lab", "read", { text: "hello" })).toMatchObject({ structuredContent: { text: "hello" } });
      expect(await call("lab", "effect")).toMatchObject({ structuredContent: { effects: 1 } });
      // A module that talks to others is answered as a stream.
      expect(await call("http_status", "check", { url: "http://example.org/" })).toMatchObject({ isError: true });
      expect(await call("github", "comment")).toMatchObject({
        isError: true,
        content: [{ text: expect.stringContaining("not available to you") as string }],
      });
      await client.close();
      await origin.stop();
    });

    it("get no further with request state that this service did not make for them", async () => {
      const origin = await startOrigin(database());
      const userId = await newUser(database(), { grants: [["lab", "effect"]] });
      for (const requestState of [
        "v1.e30.x",
        "anything",
        `v1.${Buffer.from('{"p":1,"exp":9999999999}').toString("base64url")}.AAAA`,
      ]) {
        const response = await post(origin, {
          userId,
          body: modern("tools/call", {
            name: "call",
            arguments: { module: "lab", tool: "effect" },
            requestState,
            inputResponses: {},
          }),
          headers: {
            "mcp-protocol-version": "2026-07-28",
            "mcp-method": "tools/call",
            "mcp-name": "call",
            "mcp-param-module": "lab",
            "mcp-param-tool": "effect",
          },
        });
        expect(await response.json()).toMatchObject({ error: { code: -32602 } });
      }
      expect(origin.lab.effects).toEqual([]);
      await origin.stop();
    });
  });
}
