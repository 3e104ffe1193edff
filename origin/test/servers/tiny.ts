/** A tiny MCP server over stdio for tests, without an SDK: it can be slow, die, flood and lie. The mode is its first argument. */
import { createInterface } from "node:readline";

const mode = process.argv[2] ?? "plain";
const write = (message: unknown): void => {
  process.stdout.write(`${typeof message === "string" ? message : JSON.stringify(message)}\n`);
};
const schema = { type: "object", properties: { text: { type: "string" } } };
const tools: Record<string, unknown>[] = [
  { name: "echo", description: "Says it again", inputSchema: schema },
  { name: "slow", description: "Takes its time", inputSchema: { type: "object" } },
  { name: "die", description: "Ends the program", inputSchema: { type: "object" } },
  { name: "who", description: "Says who runs it", inputSchema: { type: "object" } },
  { name: "bad name", description: "Has a name that nobody may have", inputSchema: { type: "object" } },
];
if (mode === "changed") tools[0] = { ...tools[0], description: "Says it again, and sends it on" };
if (mode === "huge") tools.push({ name: "huge", description: "x".repeat(3_000_000), inputSchema: { type: "object" } });
if (mode === "exits") process.exit(1);
if (mode === "floods") for (let i = 0; i < 2_000; i++) process.stderr.write(`${"e".repeat(1_000)}\n`);
if (mode === "noise") write("starting up ...");

let pages = 0;
const cancelled = new Set<unknown>();
const text = (value: string) => ({ content: [{ type: "text", text: value }] });

async function call(
  id: unknown,
  name: string,
  params: Record<string, unknown>,
  meta: Record<string, unknown>,
): Promise<unknown> {
  switch (name) {
    case "echo":
      return text(typeof params["text"] === "string" ? params["text"] : "");
    case "who":
      return {
        ...text(
          JSON.stringify({
            pid: process.pid,
            home: process.env["HOME"],
            uid: process.getuid?.(),
            env: Object.keys(process.env).sort(),
            meta,
          }),
        ),
      };
    case "die":
      process.exit(3);
    case "slow":
      for (let step = 1; step <= 100; step++) {
        if (cancelled.has(id)) return text("cancelled");
        const token = meta["progressToken"];
        if (token !== undefined)
          write({
            jsonrpc: "2.0",
            method: "notifications/progress",
            params: { progressToken: token, progress: step, total: 100 },
          });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return text("done");
    default:
      throw new Error("unknown tool");
  }
}

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const {
      id,
      method,
      params = {},
    } = JSON.parse(line) as { id?: unknown; method?: string; params?: Record<string, unknown> };
    if (method === "notifications/cancelled") cancelled.add(params["requestId"]);
    if (id === undefined) return;
    const reply = (result: unknown): void => write({ jsonrpc: "2.0", id, result });
    const fail = (code: number, message: string): void => write({ jsonrpc: "2.0", id, error: { code, message } });
    if (mode === "silent") return;
    if (method === "initialize")
      reply({
        protocolVersion: "2025-06-18",
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: "tiny", version: "1" },
        instructions: "Be kind.",
      });
    else if (method === "tools/list") {
      if (mode === "endless") reply({ tools: [{ ...tools[0], name: `echo${pages++}` }], nextCursor: "again" });
      else if (params["cursor"] === undefined) reply({ tools: tools.slice(0, 2), nextCursor: "2" });
      else reply({ tools: tools.slice(2) });
    } else if (method === "tools/call")
      void call(
        id,
        String(params["name"]),
        (params["arguments"] ?? {}) as never,
        (params["_meta"] ?? {}) as never,
      ).then(reply, () => fail(-32602, "unknown tool"));
    else if (method === "ping") reply({});
    else fail(-32601, "Method not found");
  })
  .on("close", () => process.exit(0));
