/** The peer: the same SDK and HTTP adapter, the same tool, no secret check, no sieve, no limit. Talks to its parent over IPC. */
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { Hono } from "hono";
import { z } from "zod";
import { answerUsage } from "./usage.ts";

const input = z.object({ module: z.string(), tool: z.string(), params: z.record(z.string(), z.unknown()).default({}) });
const handler = createMcpHandler(
  () => {
    const server = new McpServer({ name: "bare", version: "1" }, { capabilities: { tools: { listChanged: false } } });
    server.registerTool("get_module_schema", { inputSchema: z.object({ module: z.string().optional() }) }, () => ({ content: [] }));
    server.registerTool("call", { inputSchema: input }, () => {
      const value = { time: new Date().toISOString(), timezone: "UTC" };
      return { content: [{ type: "text", text: JSON.stringify(value) }], structuredContent: value };
    });
    return server;
  },
  { legacy: "stateless" },
);
const app = new Hono();
app.post("/mcp", (c) => handler.fetch(c.req.raw));
const server = createAdaptorServer({ fetch: app.fetch });
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
answerUsage();
