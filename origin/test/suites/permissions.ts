/** How fast a change of permissions is felt, and what happens while the database is away. */
import { describe, expect, it } from "vitest";
import type { Database } from "../../database/database.ts";
import type { TestDatabase } from "../database.ts";
import { callTool, newUser, resultOf, startOrigin, type TestOrigin } from "../origin.ts";

const MINUTE = 60_000;
/** What a user has who may run `lab`'s `read`. */
const READS: Parameters<typeof newUser>[1] = { grants: [["lab", "read"]] };

export function describePermissions(database: () => TestDatabase): void {
  const runs = async (origin: TestOrigin, userId: string): Promise<boolean> =>
    (await resultOf(await callTool(origin, userId, "lab", "read"))).isError !== true;
  const revoke = (userId: string) =>
    database().admin.query("select mcpist.revoke_tool($1::uuid, 'lab', 'read', 'test')", [userId]);

  describe("permission cache", () => {
    const changes: readonly (readonly [string, string])[] = [
      ["a grant is revoked", "select mcpist.revoke_tool($1::uuid, 'lab', 'read', 'test')"],
      ["a grant is deleted", "delete from mcpist.grants where user_id = $1::uuid"],
      [
        "the tool is switched off",
        "select mcpist.set_tool_enabled('lab', 'read', false) from mcpist.users where user_id = $1::uuid",
      ],
      ["the user is suspended", "select mcpist.set_status($1::uuid, 'suspended')"],
      ["the user is deleted", "delete from mcpist.users where user_id = $1::uuid"],
    ];
    it.each(changes)("is corrected by the next poll when %s", async (_, sql) => {
      const origin = await startOrigin(database());
      const userId = await newUser(database(), { grants: [["lab", "read"]] });
      expect(await runs(origin, userId)).toBe(true);
      await database().admin.query(sql, [userId]);
      expect(await runs(origin, userId)).toBe(true);
      await origin.assembled.pollPermissions();
      const after = await callTool(origin, userId, "lab", "read");
      expect(after.status === 403 || (await resultOf(after)).isError).toBe(true);
      await origin.stop();
      await database().admin.query("select mcpist.set_tool_enabled('lab', 'read', true)");
    });

    it.each(changes.filter(([what]) => !what.startsWith("the tool")))(
      "ends what runs by the next poll when %s",
      async (_, change) => {
        const origin = await startOrigin(database());
        const [userId, other] = await Promise.all([1, 2].map(() => newUser(database(), { grants: [["lab", "wait"]] })));
        const running = callTool(origin, userId ?? "", "lab", "wait");
        const others = callTool(origin, other ?? "", "lab", "wait");
        await expect.poll(() => origin.lab.effects.length).toBe(2);
        await database().admin.query(change.replace("'lab', 'read'", "'lab', 'wait'"), [userId ?? null]);
        await origin.assembled.pollPermissions();
        expect((await resultOf(await running)).isError).toBe(true);
        origin.lab.release();
        expect((await resultOf(await others)).isError).not.toBe(true);
        await origin.stop();
      },
    );

    it("is corrected within seconds by an announcement, without a poll", async () => {
      const origin = await startOrigin(database());
      const userId = await newUser(database(), { grants: [["lab", "read"]] });
      // The first one subscribes, and there is no other.
      await origin.assembled.pollPermissions();
      expect(await runs(origin, userId)).toBe(true);
      await revoke(userId);
      await expect.poll(() => runs(origin, userId)).toBe(false);
      await origin.stop();
    });

    it("forgets a revoked tool after five minutes even if nothing is announced or polled", async () => {
      let now = 0;
      const origin = await startOrigin(database(), { now: () => now });
      const userId = await newUser(database(), { grants: [["lab", "read"]] });
      expect(await runs(origin, userId)).toBe(true);
      await revoke(userId);
      now += 5 * MINUTE - 1;
      expect(await runs(origin, userId)).toBe(true);
      now += 1;
      expect(await runs(origin, userId)).toBe(false);
      await origin.stop();
    });

    it("serves known users for at most fifteen minutes without the database, says so, and then fails closed", async () => {
      let now = 0;
      let down = false;
      const origin = await startOrigin(database(), {
        now: () => now,
        wrap: (inner: Database) => ({
          ...inner,
          query: (text, parameters) => (down ? Promise.reject(new Error("down")) : inner.query(text, parameters)),
        }),
      });
      const [known, unknown] = [
        await newUser(database(), { grants: [["lab", "read"]] }),
        await newUser(database(), { grants: [["lab", "read"]] }),
      ];
      expect(await runs(origin, known)).toBe(true);
      down = true;
      expect((await callTool(origin, unknown, "lab", "read")).status).toBe(503);
      now += 14 * MINUTE;
      expect(await runs(origin, known)).toBe(true);
      expect(origin.events("db_unavailable").some((event) => event["userId"] === known)).toBe(true);
      now += MINUTE;
      const refused = await callTool(origin, known, "lab", "read");
      expect([refused.status, refused.headers.get("x-mcpist-deny"), refused.headers.get("retry-after")]).toEqual([
        503,
        "db",
        "5",
      ]);
      down = false;
      expect(await runs(origin, known)).toBe(true);
      await origin.stop();
    });

    it("asks the database once for a hundred requests at the same time", async () => {
      let loads = 0;
      const origin = await startOrigin(database(), {
        wrap: (inner) => ({
          ...inner,
          query: (text, parameters) => {
            if (text.includes("permissions_version::text as version,")) loads++;
            return inner.query(text, parameters);
          },
        }),
      });
      const userId = await newUser(database(), { grants: [["lab", "read"]] });
      const all = await Promise.all(Array.from({ length: 100 }, () => runs(origin, userId)));
      expect([all.every(Boolean), loads]).toEqual([true, 1]);
      await origin.stop();
    });

    it("does not keep an answer that was older than a revocation", async () => {
      let release = () => {};
      let hold = false;
      const origin = await startOrigin(database(), {
        wrap: (inner) => ({
          ...inner,
          query: async <Row extends object>(text: string, parameters?: Parameters<Database["query"]>[1]) => {
            const rows = await inner.query<Row>(text, parameters);
            if (hold && text.includes("permissions_version::text as version,")) {
              hold = false;
              await new Promise<void>((resolve) => (release = resolve));
            }
            return rows;
          },
        }),
      });
      const [userId, later] = [await newUser(database(), READS), await newUser(database(), READS)];
      await origin.assembled.pollPermissions();
      expect(await runs(origin, later)).toBe(true);
      hold = true;
      const first = runs(origin, userId);
      await expect.poll(() => hold).toBe(false);
      await revoke(userId);
      // Announcements come in order: once this one has, the other has too.
      await revoke(later);
      await expect.poll(() => runs(origin, later)).toBe(false);
      release();
      expect(await first).toBe(false);
      expect(await runs(origin, userId)).toBe(false);
      await origin.stop();
    });
  });
}
