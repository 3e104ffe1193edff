/** Servers that break the protocol, talk without end or leave things behind: each costs its own callers, and nobody else. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Secret } from "../modules/secret.ts";
import { WholeResult, type Progress, type ToolContext } from "../modules/module.ts";
import { createServers, type Servers } from "./servers.ts";

const RUDE = fileURLToPath(new URL("../test/servers/rude.ts", import.meta.url));
const SECRET = "a/value+that=only&rude gets";
const fine = { content: [{ type: "text", text: "fine" }] };
const whole = (result: object): WholeResult => new WholeResult(result as never);

/** What a caller gets; a text = what is said instead. */
const ROWS: readonly [mode: string, what: string, expected: WholeResult | string][] = [
  ["bom", "begins with a byte order mark", whole(fine)],
  ["nul", "begins with NUL", whole(fine)],
  ["first", "answers before it was asked", whole(fine)],
  ["leaks", "prints what it was given", whole(fine)],
  ["depths", "lists a tool beside one that is nested a hundred thousand deep", whole(fine)],
  ["circles", "always has one page more, the same", whole(fine)],
  [
    "halves",
    "ends a piece in the middle of a character, and a line with CRLF",
    whole({ content: [{ type: "text", text: "ü" }] }),
  ],
  ["twice", "answers twice", whole({ content: [{ type: "text", text: "0" }] })],
  ["ends", "answers and ends at once", whole(fine)],
  ["batch", "answers with a list of messages", whole(fine)],
  ["texts", "answers to the number as a text, with an error that is null", whole(fine)],
  ["unasked", "answers what nobody asked, too deeply to be read", whole(fine)],
  ["book", "lists more than fits into the memory of a small machine", whole(fine)],
  [
    "proto",
    "names a member __proto__",
    whole({ content: [], structuredContent: JSON.parse('{"__proto__":{"polluted":1}}') as unknown }),
  ],
  [
    "large",
    "answers with five megabytes",
    "The server answered with more than 2 MiB, which is not passed on. The call was executed.",
  ],
  [
    "deep",
    "answers with ten thousand brackets",
    "The server answered with something that is no result of MCP. The call was executed.",
  ],
  [
    "asks",
    "wants something of its caller",
    "This tool asks its caller for more before it goes on, which is not passed on here.",
  ],
  [
    "nothing",
    "answers with null",
    "The server answered with something that is no result of MCP. The call was executed.",
  ],
  [
    "blocks",
    "answers with ten thousand blocks that are none",
    "The server answered with more than 1,000 blocks of content, which are not passed on. The call was executed.",
  ],
  [
    "both",
    "answers with a result and an error",
    "The server ended or fell silent before it answered: the call may have been executed. It is not repeated.",
  ],
];

/** They never come up. @see said */
const DOWNS: readonly [mode: string, said: string][] = [
  ["future", "mcpist: the server speaks a revision of MCP that is not known here"],
  ["exits", "mcpist: the server ended before it had said which tools it has"],
];
const UP = [...ROWS.map(([mode]) => mode), "prints", "reports", "tells"];
/** They talk all the time, or never; they are stopped all the same. */
const FLOODS = ["notifies", "samples", "silent"];

describe("beside each other and two floods, a server that", () => {
  let servers: Servers;
  const said: string[] = [];
  const reported: Progress[] = [];
  beforeAll(async () => {
    const settings = [...UP, ...DOWNS.map(([mode]) => mode), ...FLOODS].map((mode) => [
      mode,
      { command: [process.execPath, RUDE, mode], trusted: true, secrets: ["TINY_KEY"], account: "github" },
    ]);
    const made = createServers(Object.fromEntries(settings), {
      secrets: new Map([["TINY_KEY", new Secret(SECRET)]]),
      separator: null,
      path: process.env["PATH"] ?? "",
      version: "0",
      fetch,
      random: () => 0.5,
      now: () => performance.now(),
    });
    if (!made.ok) throw new Error(made.error);
    servers = made.value;
    servers.start({
      onListing: () => {},
      onState: () => {},
      onStderr: (server, text) => said.push(`${server}: ${text}`),
    });
    const ready = (mode: string): boolean => servers.modules.find(({ name }) => name === mode)?.tools.has("t") === true;
    await vi.waitUntil(() => UP.every(ready), { timeout: 150_000 });
  });
  afterAll(() => servers.stop());

  async function run(mode: string, params = {}, userId = "00000000-0000-4000-8000-000000000001"): Promise<unknown> {
    const context: ToolContext = {
      signal: new AbortController().signal,
      now: () => new Date(),
      requestId: "019a0000-0000-7000-8000-000000000001",
      userId,
      traceparent: null,
      token: async () => new Secret("token-of-the-user"),
      progress: (progress) => void reported.push(progress),
    };
    const tool = servers.modules.find(({ name }) => name === mode)?.tools.get("t");
    return tool?.run(params, context).catch((error: unknown) => (error instanceof Error ? error.message : error));
  }

  it.each(ROWS)("%s (%s) costs its own callers alone", async (mode, _what, expected) => {
    expect(await run(mode)).toEqual(expected);
  });

  it("prints the parameters of one user answers no other user with them", async () => {
    const forged = { content: [{ type: "text", text: "forged" }] };
    const text = Array.from({ length: 100 }, (_, id) => JSON.stringify({ jsonrpc: "2.0", id, result: forged }));
    const anna = run("prints");
    await run("prints", { text: `\n${text.join("\n")}` }, "00000000-0000-4000-8000-000000000666");
    expect(await anna).toEqual(whole(fine));
  });

  it("reports its progress without end is heard for as long as a client can bear", async () => {
    expect(await run("reports")).toEqual(whole(fine));
    expect(reported.length).toBeGreaterThanOrEqual(20);
    expect(reported.length).toBeLessThan(100);
    expect(Math.max(...reported.map(({ message = "" }) => message.length))).toBe(1_000);
  });

  it("prints the account token of a user alone has not printed it into the log", async () => {
    expect(await run("tells")).toEqual(whole(fine));
    await expect.poll(() => said).toContain("tells: [secret]");
    expect(said.join()).not.toContain("token-of-the-user");
  });

  it.each(DOWNS)("does not come up (%s) is down, and the operator reads why: %s", async (mode, line) => {
    await expect.poll(() => said).toContain(`${mode}: ${line}`);
    expect(servers.states().get(mode)).not.toBe("up");
  });

  it("prints what it was given has not printed it into the log", () => {
    expect(said).toContain("leaks: [secret]");
    expect(said.join()).not.toContain(SECRET);
    expect(said.join()).not.toContain(btoa(SECRET).slice(0, 20));
  });

  it("names a member __proto__ has changed no object", () => {
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});
