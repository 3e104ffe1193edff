/** What `tools/list` gives away where tools are presented natively: nothing but the caller's own tools, whoever asks and however. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NativeDescription } from "../../sieve/native-list.ts";
import type { TestDatabase } from "../database.ts";
import { callTool, modern, newUser, post, resultOf, startOrigin, type TestOrigin } from "../origin.ts";

const REVISION = "2026-07-28";

/** One `tools/list` as it comes. */
const listRaw = async (origin: TestOrigin, userId: string, cursor?: string): Promise<string> => {
  const response = await post(origin, {
    userId,
    body: modern("tools/list", cursor === undefined ? {} : { cursor }),
    headers: { "mcp-protocol-version": REVISION, "mcp-method": "tools/list" },
  });
  return response.text();
};

/** All pages. */
export async function listNativeTools(origin: TestOrigin, userId: string): Promise<readonly NativeDescription[]> {
  const tools: NativeDescription[] = [];
  let cursor: string | undefined;
  do {
    const { result } = JSON.parse(await listRaw(origin, userId, cursor)) as {
      readonly result: { readonly tools: readonly NativeDescription[]; readonly nextCursor?: string };
    };
    tools.push(...result.tools);
    cursor = result.nextCursor;
  } while (cursor !== undefined);
  return tools;
}

/** Names of all pages. */
export const listNative = async (origin: TestOrigin, userId: string): Promise<readonly string[]> =>
  (await listNativeTools(origin, userId)).map(({ name }) => name);

export function describeNativeSieve(database: () => TestDatabase): void {
  describe("natively presented tools", () => {
    let origin: TestOrigin;
    beforeAll(async () => {
      origin = await startOrigin(database(), { config: { presentation: "native" } });
    });
    afterAll(() => origin.stop());

    it("are listed with what they are, and with hints for caches", async () => {
      const userId = await newUser(database(), { grants: [["time", "now"]] });
      const { result } = JSON.parse(await listRaw(origin, userId)) as { readonly result: Record<string, unknown> };
      expect(result).toMatchObject({
        tools: [
          {
            name: "time__now",
            inputSchema: { type: "object" },
            annotations: { readOnlyHint: true, idempotentHint: true, destructiveHint: false },
          },
        ],
        ttlMs: 300_000,
        cacheScope: "private",
      });
      expect(result).not.toHaveProperty("nextCursor");
    });

    it("are none for whoever may use none, and the meta tools do not exist", async () => {
      const userId = await newUser(database());
      expect(await listNative(origin, userId)).toEqual([]);
      const answer = await post(origin, {
        userId,
        body: modern("tools/call", { name: "get_module_schema", arguments: {} }),
        headers: { "mcp-protocol-version": REVISION, "mcp-method": "tools/call", "mcp-name": "get_module_schema" },
      });
      expect((await resultOf(answer)).isError).toBe(true);
    });

    it("make the same bytes for two users who may use the same, whatever else exists", async () => {
      const grants = [
        ["time", "now"],
        ["lab", "read"],
      ] as const;
      const before = await newUser(database(), { grants });
      const first = await listRaw(origin, before);
      const { admin } = database();
      await admin.query(
        "insert into mcpist.tools (module_id, tool_id) values ('lab', 'a_hidden_one') on conflict do nothing",
      );
      const after = await newUser(database(), { grants: [...grants].toReversed() });
      expect(await listRaw(origin, after)).toBe(first);
    });

    it("are led to by a made-up cursor as by their own: hidden names and no names are alike", async () => {
      const userId = await newUser(database(), {
        grants: [
          ["lab", "read"],
          ["time", "now"],
        ],
      });
      const cursor = (name: string) => Buffer.from(name).toString("base64url");
      // The first exists and is hidden, the second does not exist; both stand between the user's two tools.
      const [hidden, nothing] = [
        await listRaw(origin, userId, cursor("lab__upsert")),
        await listRaw(origin, userId, cursor("lab__zzz")),
      ];
      expect(hidden).toBe(nothing);
      expect(hidden).toContain("time__now");
      expect(hidden).not.toContain("lab__read");
      const odd = await Promise.all(
        ["", "=", "%", cursor("a b"), cursor("x".repeat(65)), `${cursor("lab__read")}A`, "\u0000"].map((text) =>
          listRaw(origin, userId, text),
        ),
      );
      expect(new Set(odd).size).toBe(1);
      expect(JSON.parse(odd[0] ?? "")).toMatchObject({ error: { code: -32602, message: "Invalid cursor" } });
    });

    it("are claimed and counted by their own module", async () => {
      const userId = await newUser(database(), { grants: [["lab", "effect"]] });
      const answer = await callTool(origin, userId, "lab", "effect");
      expect((await resultOf(answer)).isError).not.toBe(true);
      const claims = await database().admin.query<{ module: string; tool: string }>(
        "select module_id as module, tool_id as tool from mcpist.call_claims where user_id = $1::uuid",
        [userId],
      );
      expect(claims).toEqual([{ module: "lab", tool: "effect" }]);
    });
  });
}
