/** Limits per module in workerd: the same count for both revisions of MCP, and nothing to gain from hiding the module. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Seen } from "./test/gateway.ts";
import { CALL, MODERN, newUser, startSession, type Session } from "./test/session.ts";

let session: Session;
beforeAll(async () => {
  const limits = {
    perIpPerMinute: 100_000,
    failedAuthPerMinute: 1000,
    burstPerSecond: 1000,
    modulesPerSecond: { github: 2, notion: 1 },
  };
  session = await startSession({ limits });
});
afterAll(() => session.close());

const callOf = (module: string, padding = "") => ({
  ...CALL,
  params: { name: "call", arguments: { module, tool: "t", params: { padding } } },
});
const modern = (module: string) => [{ ...MODERN, "mcp-param-module": module }, callOf(module)] as const;

/** What the gateway tells the origin about a limit; the origin decides, because it knows who may use which module. */
const excess = ({ headers }: Seen): string | undefined => {
  const value = headers["x-mcpist-module-limit"];
  return typeof value === "string" ? value : undefined;
};
/** So many at once: most that a window may see, and how the others were marked. */
async function flood(token: string, count: number, make: () => readonly [Record<string, string>, object]) {
  session.koyeb.seen.length = 0;
  const started = Date.now();
  const answers = await Promise.all(
    Array.from({ length: count }, () => {
      const [headers, body] = make();
      return session.post(token, headers, body);
    }),
  );
  const seconds = (Date.now() - started) / 1000;
  // Nothing is refused here: a limit that were told before the name is admitted would tell which modules exist.
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(count);
  const marked = session.koyeb.seen.map(excess).filter((value) => value !== undefined);
  return { seconds, admitted: count - marked.length, marked };
}

describe("a module with a limit of its own", () => {
  it.each([
    ["a modern call", () => modern("github")],
    [
      "a modern call in base64",
      () => [{ ...MODERN, "mcp-param-module": "=?base64?Z2l0aHVi?=" }, callOf("github")] as const,
    ],
    [
      "a modern call behind a byte order mark",
      () => [{ ...MODERN, "mcp-param-module": "=?base64?77u/Z2l0aHVi?=" }, callOf("github")] as const,
    ],
    ["a legacy call", () => [{}, callOf("github")] as const],
  ])("keeps to it in %s", async (_case, make) => {
    const { admitted, seconds, marked } = await flood(await session.token(), 20, make);
    expect(admitted).toBeGreaterThanOrEqual(2);
    expect(admitted).toBeLessThanOrEqual(2 + 2 * seconds);
    expect(new Set(marked)).toEqual(new Set(["2;1"]));
  });

  it("counts both revisions together, each user and each module apart", async () => {
    const token = await session.token({ sub: newUser() });
    let turn = 0;
    const { admitted, seconds } = await flood(token, 20, () =>
      turn++ % 2 === 0 ? modern("github") : ([{}, callOf("github")] as const),
    );
    expect(admitted).toBeLessThanOrEqual(2 + 2 * seconds);
    const [headers, body] = modern("notion");
    expect((await session.post(token, headers, body)).status).toBe(200);
    const [others, same] = modern("github");
    expect((await session.post(await session.token(), others, same)).status).toBe(200);
  });

  it("leaves other modules and other methods alone", async () => {
    const token = await session.token();
    expect((await flood(token, 20, () => modern("time"))).marked).toEqual([]);
    const list = { ...MODERN, "mcp-method": "tools/list", "mcp-param-module": "github" };
    const { "mcp-name": _, ...headers } = list;
    expect((await flood(token, 20, () => [headers, { jsonrpc: "2.0", id: 1, method: "tools/list" }])).marked).toEqual(
      [],
    );
  });

  it("takes no client's word for it", async () => {
    const [headers, body] = modern("time");
    session.koyeb.seen.length = 0;
    await session.post(await session.token(), { ...headers, "x-mcpist-module-limit": "1;99" }, body);
    expect(session.koyeb.seen.map(excess)).toEqual([undefined]);
  });

  it("gives a body that is too large to be read the strictest rate", async () => {
    const large = callOf("github", "x".repeat(300 * 1024));
    const { admitted, seconds } = await flood(await session.token(), 8, () => [{}, large]);
    expect(admitted).toBeLessThanOrEqual(1 + seconds);
  });
});
