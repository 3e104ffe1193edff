/** An MCP server over stdio for tests that keeps to the protocol until its tool is called, and then does what its first argument says. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const mode = process.argv[2] ?? "";
const raw = (text: string | Buffer): boolean => process.stdout.write(text);
const write = (message: unknown): boolean => raw(`${JSON.stringify(message)}\n`);
const result = { content: [{ type: "text", text: "fine" }] };
const tools = [{ name: "t", description: null, title: null, annotations: null, inputSchema: { type: "object" } }];
/** Nested more deeply than anything can be written out again. */
const depths = `{"name":"deep","inputSchema":{"type":"object","default":${"[".repeat(1e5)}${"]".repeat(1e5)}}}`;
const repeat = (times: number, message: (n: number) => unknown): void => {
  for (let n = 0; n < times; n++) write(message(n));
};
const flood = (message: (n: number) => unknown): void => void setInterval(() => repeat(2000, message), 5);

/** What is done before anything was asked. */
const AT_START: Readonly<Record<string, () => void>> = {
  bom: () => raw("\ufeff"),
  nul: () => raw("\0\0\n"),
  first: () => repeat(4, (id) => ({ jsonrpc: "2.0", id, result })),
  leaks: () => process.stderr.write(`${process.env["TINY_KEY"]}\n${btoa(process.env["TINY_KEY"] ?? "")}\n`),
  notifies: () =>
    flood(() => ({ jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data: "x" } })),
  samples: () =>
    flood((n) => ({
      jsonrpc: "2.0",
      id: `r${n}`,
      method: "sampling/createMessage",
      params: { messages: [], maxTokens: 1 },
    })),
  exits: () => process.exit(0),
  leaves: () => spawn("setsid", ["sleep", "300"], { stdio: "inherit" }).unref(),
};

/** What is answered to a call instead of a result. */
const ANSWERS: Readonly<Record<string, (id: number) => void>> = {
  batch: (id) => write([{ jsonrpc: "2.0", id, result }]),
  reports: (id) => {
    const message = "x".repeat(5_000);
    repeat(200, (progress) => ({
      jsonrpc: "2.0",
      method: "notifications/progress",
      params: { progressToken: meta["progressToken"], progress, message },
    }));
    write({ jsonrpc: "2.0", id, result });
  },
  tells: (id) => {
    process.stderr.write(`${String(meta["mcpist/account-token"])}\n`, () => write({ jsonrpc: "2.0", id, result }));
  },
  prints: (id) => {
    raw(`got ${text}\n`);
    setTimeout(() => write({ jsonrpc: "2.0", id, result }), 200);
  },
  texts: (id) => write({ jsonrpc: "2.0", id: String(id), result, error: null, trace: "x" }),
  unasked: (id) => {
    raw(`{"jsonrpc":"2.0","id":4711,"error":{"code":1,"message":"x","data":${"[".repeat(1e5)}${"]".repeat(1e5)}}}\n`);
    write({ jsonrpc: "2.0", id, result });
  },
  nothing: (id) => write({ jsonrpc: "2.0", id, result: null }),
  blocks: (id) =>
    write({
      jsonrpc: "2.0",
      id,
      result: { content: Array.from({ length: 10_000 }, () => ({ type: "resource", resource: {} })) },
    }),
  both: (id) => write({ jsonrpc: "2.0", id, result, error: { code: 1, message: "x" } }),
  twice: (id) => repeat(2, (n) => ({ jsonrpc: "2.0", id, result: { content: [{ type: "text", text: `${n}` }] } })),
  halves: (id) => {
    const text = Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"ü"}]}}\r\n`);
    const half = text.indexOf(0xc3) + 1;
    raw(text.subarray(0, half));
    setTimeout(() => raw(text.subarray(half)), 20);
  },
  large: (id) => write({ jsonrpc: "2.0", id, result: { content: [{ type: "text", text: "x".repeat(5_000_000) }] } }),
  proto: (id) =>
    raw(`{"jsonrpc":"2.0","id":${id},"result":{"content":[],"structuredContent":{"__proto__":{"polluted":1}}}}\n`),
  deep: (id) => raw(`{"jsonrpc":"2.0","id":${id},"result":{"content":[],"a":${"[".repeat(1e4)}${"]".repeat(1e4)}}}\n`),
  ends: (id) => {
    write({ jsonrpc: "2.0", id, result });
    setImmediate(() => process.exit(0));
  },
  asks: (id) => write({ jsonrpc: "2.0", id, result: { resultType: "input_required", inputRequests: {} } }),
};

interface Asked {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly arguments?: { readonly text?: string };
    readonly _meta?: Readonly<Record<string, unknown>>;
  };
}
/** Of the last call. */
let text = "";
let meta: Readonly<Record<string, unknown>> = {};
let page = 0;
AT_START[mode]?.();
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { id, method, params } = JSON.parse(line) as Asked;
    text = params?.arguments?.text ?? "";
    meta = params?.["_meta"] ?? {};
    if (id === undefined || mode === "silent") return;
    if (method === "initialize")
      write({
        jsonrpc: "2.0",
        id,
        result: {
          protocolVersion: mode === "future" ? "2999-01-01" : "2025-06-18",
          capabilities: { tools: {} },
          serverInfo: { name: "rude", version: "1" },
        },
      });
    else if (method === "tools/list" && mode === "depths")
      raw(`{"jsonrpc":"2.0","id":${id},"result":{"tools":[${depths},${JSON.stringify(tools[0])}]}}\n`);
    else if (method === "tools/list" && mode === "book")
      write({
        jsonrpc: "2.0",
        id,
        result: {
          tools: [
            ...(page === 0 ? tools : []),
            ...Array.from({ length: 9 }, () => ({ name: `t${page++}`, description: "x".repeat(2e5) })),
          ],
          nextCursor: String(page),
        },
      });
    else if (method === "tools/list")
      write({ jsonrpc: "2.0", id, result: { tools, nextCursor: mode === "circles" ? "" : null } });
    else if (method !== "tools/call") write({ jsonrpc: "2.0", id, error: { code: -32601, message: "no" } });
    else if (ANSWERS[mode]) ANSWERS[mode](id);
    else write({ jsonrpc: "2.0", id, result });
  })
  .on("close", () => process.exit(0));
