/** The plan's calls per minute and month, and the accounting over origins. */
import { describe, expect, it } from "vitest";
import type { TestDatabase } from "../database.ts";
import { callTool, getSchema, newUser, post, resultOf, startOrigin } from "../origin.ts";

export function describePlanLimits(database: () => TestDatabase): void {
  describe("plan limits", () => {
    it("admit the plan's calls in a minute, count refused names too, and tell the caller when to come back", async () => {
      let now = 1_000;
      const origin = await startOrigin(database(), { now: () => now });
      const userId = await newUser(database(), { plan: "free", grants: [["lab", "read"]] });
      const statuses: number[] = [];
      for (let i = 0; i < 30; i++) {
        const response =
          i % 3 === 0
            ? await callTool(origin, userId, "no", "such")
            : i % 3 === 1
              ? await getSchema(origin, userId)
              : await callTool(origin, userId, "lab", "read");
        statuses.push(response.status);
        expect(response.headers.get("ratelimit")).toBe(`"plan";r=${29 - i};t=${i === 29 ? 60 : 1}`);
        now += 10;
      }
      expect(new Set(statuses)).toEqual(new Set([200]));
      const limited = await callTool(origin, userId, "lab", "read", {}, { id: "abc" });
      expect(limited.status).toBe(429);
      expect(Object.fromEntries(limited.headers)).toMatchObject({
        "retry-after": "60",
        "ratelimit-policy": '"plan";q=30;w=60',
        "x-ratelimit-limit": "30",
        "x-ratelimit-remaining": "0",
        "x-mcpist-origin": "koyeb",
      });
      expect(await limited.json()).toMatchObject({
        id: "abc",
        error: { code: 42905, data: { reason: "user.quota", plan: "free", period: "minute", retryAfterSeconds: 60 } },
      });
      now += 60_000;
      expect((await callTool(origin, userId, "lab", "read")).status).toBe(200);
      await origin.stop();
    });

    it("of a module are the gateway's count: the excess is refused behind admission, and tells of no module that is not granted", async () => {
      const origin = await startOrigin(database());
      const userId = await newUser(database(), { grants: [["lab", "effect"]] });
      const call = (module: string, excess: Readonly<Record<string, string>>): Promise<Response> =>
        post(origin, {
          userId,
          body: {
            jsonrpc: "2.0",
            id: "abc",
            method: "tools/call",
            params: { name: "call", arguments: { module, tool: "effect" } },
          },
          headers: excess,
        });
      const over = { "x-mcpist-module-limit": "3;2" };
      const refused = await call("lab", over);
      expect(refused.status).toBe(429);
      expect(Object.fromEntries(refused.headers)).toMatchObject({
        "retry-after": "2",
        "ratelimit-policy": '"module";q=3;w=1',
        ratelimit: '"module";r=0;t=2',
      });
      expect(await refused.json()).toMatchObject({
        id: "abc",
        error: { code: 42906, data: { reason: "module.burst", retryAfterSeconds: 2 } },
      });
      expect(origin.lab.effects).toEqual([]);
      expect(origin.events("rate_limited")).toMatchObject([{ userId, reason: "module", httpStatus: 429 }]);

      const hidden = async (module: string, excess: Readonly<Record<string, string>>) => {
        const response = await call(module, excess);
        return [response.status, response.headers.get("ratelimit"), (await resultOf(response)).content];
      };
      const answer = await hidden("github", {});
      expect(answer[0]).toBe(200);
      expect(await hidden("github", over)).toEqual(answer);
      expect(await hidden("no-such-module", over)).toEqual(answer);
      // A value that the gateway never writes is none.
      expect((await call("lab", { "x-mcpist-module-limit": "3" })).status).toBe(200);
      expect(origin.lab.effects).toHaveLength(1);
      await origin.stop();
    });

    it("do not touch methods that run no tool, nor users without a limit", async () => {
      const origin = await startOrigin(database(), { now: () => 0 });
      const [free, unlimited] = [
        await newUser(database(), { plan: "free" }),
        await newUser(database(), { grants: [["lab", "read"]] }),
      ];
      for (let i = 0; i < 35; i++) {
        const list = await post(origin, { userId: free, body: { jsonrpc: "2.0", id: 1, method: "tools/list" } });
        expect([list.status, list.headers.get("ratelimit")]).toEqual([200, null]);
        const call = await callTool(origin, unlimited, "lab", "read");
        expect([call.status, call.headers.get("ratelimit")]).toEqual([200, null]);
      }
      await origin.stop();
    });

    it("are accounted per origin, added up over syncs, and reported when the sum exceeds the plan", async () => {
      const { admin } = database();
      const userId = await newUser(database(), { plan: "free", grants: [["lab", "read"]] });
      const [koyeb, fly] = [
        await startOrigin(database(), { name: "koyeb" }),
        await startOrigin(database(), { name: "fly" }),
      ];
      for (const origin of [koyeb, koyeb, fly]) {
        await callTool(origin, userId, "lab", "read");
        await callTool(origin, userId, "lab", "nothing");
        expect(await origin.assembled.syncUsage()).toBe(true);
      }
      const rows = await admin.query<{ origin: string; calls: string; refused: string }>(
        "select origin, sum(calls)::text as calls, sum(refused)::text as refused from mcpist.usage_counters where user_id = $1::uuid group by origin order by origin",
        [userId],
      );
      expect(rows).toEqual([
        { origin: "fly", calls: "2", refused: "1" },
        { origin: "koyeb", calls: "4", refused: "2" },
      ]);
      await admin.query(
        "insert into mcpist.usage_counters (user_id, origin, window_start, calls) values ($1::uuid, 'fly', date_bin('10 minutes', now(), timestamptz '2000-01-01') - interval '10 minutes', 301)",
        [userId],
      );
      await koyeb.assembled.syncUsage();
      expect(koyeb.events("quota_overrun")).toMatchObject([{ userId, count: 301, severity: "warn" }]);
      await Promise.all([koyeb.stop(), fly.stop()]);
    });

    it("keep counts that could not be written for the next sync, and write the rest at shutdown", async () => {
      let down = true;
      const origin = await startOrigin(database(), {
        name: "later",
        wrap: (inner) => ({
          ...inner,
          query: (text, parameters) =>
            down && text.includes("mcpist.usage_counters")
              ? Promise.reject(new Error("down"))
              : inner.query(text, parameters),
        }),
      });
      const userId = await newUser(database(), { grants: [["lab", "read"]] });
      await callTool(origin, userId, "lab", "read");
      expect(await origin.assembled.syncUsage()).toBe(false);
      await callTool(origin, userId, "lab", "read");
      down = false;
      await origin.stop();
      const rows = await database().admin.query(
        "select calls::int as calls from mcpist.usage_counters where user_id = $1::uuid",
        [userId],
      );
      expect(rows).toEqual([{ calls: 2 }]);
    });

    it("know a monthly quota, which is off by default", async () => {
      const { admin } = database();
      await admin.query(
        "insert into mcpist.plans (id, per_minute, per_month) values ('tiny', 120, 2) on conflict do nothing",
      );
      const userId = await newUser(database(), { plan: "tiny", grants: [["lab", "read"]] });
      const use = async () => {
        const origin = await startOrigin(database());
        const statuses = [];
        for (let i = 0; i < 2; i++) statuses.push((await callTool(origin, userId, "lab", "read")).status);
        await origin.stop();
        return statuses;
      };
      expect(await use()).toEqual([200, 200]);
      await admin.query("insert into mcpist.settings (key, value) values ('monthly_quota', 'on')");
      try {
        expect(await use()).toEqual([200, 200]);
        const origin = await startOrigin(database());
        const refused = await callTool(origin, userId, "lab", "read");
        expect([
          refused.status,
          ((await refused.json()) as { error: { data: { period: string } } }).error.data.period,
        ]).toEqual([429, "month"]);
        await origin.stop();
      } finally {
        await admin.query("delete from mcpist.settings where key = 'monthly_quota'");
      }
    });
  });
}
