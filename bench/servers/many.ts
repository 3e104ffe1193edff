/** A server with many tools that answers at once, without an SDK: over its standard streams as a program, and to bench/servers.ts as a function. */
import { createInterface } from "node:readline";

const toolsOf = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    name: `tool_${i}`,
    description: `Does what tool number ${i} does, with a description of the usual length, which is a sentence or two.`,
    inputSchema: {
      type: "object",
      properties: {
        text: { type: "string", description: "A text", maxLength: 1000 },
        count: { type: "integer", minimum: 0, description: "How often" },
      },
      required: ["text"],
    },
  }));

/** The reply to one message; null = none is wanted. */
export function answer(line: string, count: number): string | null {
  const { id, method } = JSON.parse(line) as { readonly id?: unknown; readonly method?: string };
  if (id === undefined) return null;
  const reply = (result: unknown): string => JSON.stringify({ jsonrpc: "2.0", id, result });
  if (method === "initialize")
    return reply({
      protocolVersion: "2025-06-18",
      capabilities: { tools: {} },
      serverInfo: { name: "many", version: "1" },
    });
  if (method === "tools/list") return reply({ tools: toolsOf(count) });
  if (method === "tools/call") return reply({ content: [{ type: "text", text: "hello" }] });
  return JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32601, message: "Method not found" } });
}

if (process.argv[1]?.endsWith("many.ts"))
  createInterface({ input: process.stdin })
    .on("line", (line) => {
      const reply = answer(line, Number(process.argv[2] ?? 1));
      if (reply !== null) process.stdout.write(`${reply}\n`);
    })
    .on("close", () => process.exit(0));
