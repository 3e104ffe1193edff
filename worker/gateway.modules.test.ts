/** Limits per module in workerd: the same count for both revisions of MCP, and nothing to gain from hiding the module. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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

/** So many at once: most that a window may see, and the refused answers. */
async function flood(token: string, count: number, make: () => readonly [Record<string, string>, object]) {
  const started = Date.now();
  const answers = await Promise.all(
    Array.from({ length: count }, () => {
      const [headers, body] = make();
      return session.post(token, headers, body);
    }),
  );
  const seconds = (Date.now() - started) / 1000;
  const refused = answers.filter(({ status }) => status === 429);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(count - refused.length);
  return { seconds, admitted: count - refused.length, refused };
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
    const { admitted, seconds, refused } = await flood(await session.token(), 20, make);
    expect(admitted).toBeGreaterThanOrEqual(2);
    expect(admitted).toBeLessThanOrEqual(2 + 2 * seconds);
    expect(refused[0]?.headers.get("retry-after")).toBe("1");
    expect(refused[0]?.headers.get("ratelimit-policy")).toBe('"module";q=2;w=1');
    expect(await refused[0]?.json()).toMatchObject({
      error: { code: 42906, data: { reason: "module.burst", retryAfterSeconds: 1 } },
    });
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
    expect((await flood(token, 20, () => modern("time"))).refused).toEqual([]);
    const list = { ...MODERN, "mcp-method": "tools/list", "mcp-param-module": "github" };
    const { "mcp-name": _, ...headers } = list;
    expect((await flood(token, 20, () => [headers, { jsonrpc: "2.0", id: 1, method: "tools/list" }])).refused).toEqual(
      [],
    );
  });

  it("gives a body that is too large to be read the strictest rate", async () => {
    const large = callOf("github", "x".repeat(300 * 1024));
    const { admitted, seconds } = await flood(await session.token(), 8, () => [{}, large]);
    expect(admitted).toBeLessThanOrEqual(1 + seconds);
  });
});
