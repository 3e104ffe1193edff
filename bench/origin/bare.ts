/**
 * The peer: the same SDK and HTTP adapter, the same tools and work, no secret check, no sieve, no limit. As the SDK's examples do it, or with
 * argument `lean` as the origin does it: the body parsed once, the two schemas converted once. Talks to its parent over IPC.
 */
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { Hono } from "hono";
import { z } from "zod";
import { inZone } from "../../origin/modules/time.ts";
import { call, getModuleSchema } from "../../origin/sieve/meta-tools.ts";
import { answerUsage } from "./usage.ts";

const lean = process.argv[2] === "lean";
const plain = z.object({ module: z.string(), tool: z.string(), params: z.record(z.string(), z.unknown()).default({}) });
const handler = createMcpHandler(
  () => {
    const server = new McpServer({ name: "bare", version: "1" }, { capabilities: { tools: { listChanged: false } } });
    const question = lean ? getModuleSchema.input : z.object({ module: z.string().optional() });
    server.registerTool("get_module_schema", { inputSchema: question }, () => ({ content: [] }));
    server.registerTool("call", { inputSchema: lean ? call.input : plain }, () => {
      const instant = new Date();
      const value = { time: inZone(instant, "UTC"), timezone: "UTC", unixMs: instant.getTime() };
      return { content: [{ type: "text", text: JSON.stringify(value) }], structuredContent: value };
    });
    return server;
  },
  { legacy: "stateless" },
);
const app = new Hono();
app.post("/mcp", async (c) => {
  if (!lean) return handler.fetch(c.req.raw);
  const parsedBody: unknown = await c.req.json();
  return handler.fetch(new Request(c.req.url, { method: "POST", headers: c.req.raw.headers }), { parsedBody });
});
const server = createAdaptorServer({ fetch: app.fetch });
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
answerUsage();
