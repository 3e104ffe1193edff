/** Calls that have effects: claimed once over all origins, and silent about what went wrong inside. */
import { createClaims } from "../../calls/idempotency.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../database/database.ts";
import type { TestDatabase } from "../database.ts";
import { CANARY, createLab, formsOf } from "../modules.ts";
import { callTool, newRequestId, newUser, resultOf, startOrigin, type TestOrigin } from "../origin.ts";

const LAB = ["read", "effect", "upsert", "wait", "large", "leak", "explain", "token"].map(
  (tool) => ["lab", tool] as const,
);

export function describeCalls(database: () => TestDatabase): void {
  describe("a claim that was taken over", () => {
    it.each(["before", "after"])("is not finished by its late owner %s the new one", async (when) => {
      const own = await database().openOrigin();
      const claims = createClaims({ database: own, origin: "koyeb", sleep: async () => undefined, now: () => 0 });
      const userId = await newUser(database(), { grants: [["lab", "effect"]] });
      const request = { requestId: newRequestId(), userId, module: "lab", tool: "effect", idempotent: true };
      const first = await claims.claim(request);
      await database().admin.query(
        "update mcpist.call_claims set claimed_at = now() - interval '1 hour' where request_id = $1::uuid",
        [request.requestId],
      );
      const second = await claims.claim(request);
      if (first.kind !== "owned" || second.kind !== "owned") throw new Error("both should have owned it");
      const ends = [
        () => claims.finish(request.requestId, first.mark, "late"),
        () => claims.finish(request.requestId, second.mark, "good"),
      ];
      for (const end of when === "before" ? ends : ends.toReversed()) await end();
      expect(await claims.claim(request)).toEqual({ kind: "done", result: "good" });
      await own.close();
    });
  });

  describe("calls with effects", () => {
    let koyeb: TestOrigin;
    let fly: TestOrigin;
    let userId: string;
    const lab = createLab();
    beforeAll(async () => {
      koyeb = await startOrigin(database(), { name: "koyeb", lab });
      fly = await startOrigin(database(), { name: "fly", lab });
      userId = await newUser(database(), { grants: LAB });
    });
    afterAll(() => Promise.all([koyeb.stop(), fly.stop()]));
    const effects = (requestId: string): number => lab.effects.filter((mark) => mark === requestId).length;
    const settled = (requestId: string) =>
      expect
        .poll(async () => {
          const [row] = await database().admin.query<{ state: string }>(
            "select state from mcpist.call_claims where request_id = $1::uuid",
            [requestId],
          );
          return row?.state;
        })
        .toBe("done");

    it("run once, and a second request with the same id gets the same result from either origin", async () => {
      const requestId = newRequestId();
      const first = await callTool(koyeb, userId, "lab", "effect", { text: "once" }, { requestId });
      expect(first.headers.get("x-mcpist-claim")).toBeNull();
      const result = await resultOf(first);
      await settled(requestId);
      for (const origin of [fly, koyeb]) {
        const again = await callTool(origin, userId, "lab", "effect", { text: "once" }, { requestId });
        expect(again.headers.get("x-mcpist-claim")).toBe("replayed");
        expect((await resultOf(again)).structuredContent).toEqual(result.structuredContent);
      }
      expect(effects(requestId)).toBe(1);
    });

    it("run once when both origins get the request at the same time, 20 times over", async () => {
      for (let i = 0; i < 20; i++) {
        const requestId = newRequestId();
        const answers = await Promise.all(
          [koyeb, fly, koyeb].map((origin) => callTool(origin, userId, "lab", "effect", {}, { requestId })),
        );
        expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
        expect(effects(requestId)).toBe(1);
      }
    });

    it("answer 409 to a second comer while the first is still at work", async () => {
      let now = 0;
      const impatient = await startOrigin(database(), { name: "fly", lab, now: () => (now += 2_000) });
      const requestId = newRequestId();
      const first = callTool(koyeb, userId, "lab", "wait", {}, { requestId });
      await expect.poll(() => effects(requestId)).toBe(1);
      const second = await callTool(impatient, userId, "lab", "wait", {}, { requestId });
      expect([second.status, second.headers.get("x-mcpist-claim")]).toEqual([409, "in_progress"]);
      expect(await second.json()).toMatchObject({ error: { code: 40900 } });
      lab.release();
      expect((await first).status).toBe(200);
      expect(effects(requestId)).toBe(1);
      expect(impatient.events("claim_conflict")).toHaveLength(1);
      await impatient.stop();
    });

    it("refuse an id that belongs to another user or to another call, as the sieve would, and page", async () => {
      const requestId = newRequestId();
      await resultOf(await callTool(koyeb, userId, "lab", "effect", {}, { requestId }));
      const stranger = await newUser(database(), { grants: LAB });
      const refused = await (await callTool(koyeb, stranger, "lab", "granted_never")).text();
      expect(await (await callTool(fly, stranger, "lab", "effect", {}, { requestId })).text()).toBe(refused);
      expect(await (await callTool(fly, userId, "lab", "large", {}, { requestId })).text()).toBe(refused);
      expect(effects(requestId)).toBe(1);
      expect(fly.events("claim_owner_mismatch").map((event) => event["severity"])).toEqual(["critical", "critical"]);
    });

    it("keep no result over 256 KiB, and say so instead of running again", async () => {
      const requestId = newRequestId();
      await resultOf(await callTool(koyeb, userId, "lab", "large", {}, { requestId }));
      await settled(requestId);
      const again = await resultOf(await callTool(fly, userId, "lab", "large", {}, { requestId }));
      expect(again).toMatchObject({
        isError: true,
        content: [{ text: "The call was executed; its result was not kept." }],
      });
      expect(effects(requestId)).toBe(1);
    });

    it("repeat an idempotent tool whose claim is older than a minute, and no other", async () => {
      const { admin } = database();
      for (const [tool, expected] of [
        ["upsert", 1],
        ["effect", 0],
      ] as const) {
        let now = 0;
        const patient = await startOrigin(database(), { name: "fly", lab, now: () => (now += 2_000) });
        const requestId = newRequestId();
        await admin.query(
          "insert into mcpist.call_claims (request_id, user_id, origin, module_id, tool_id, claimed_at) values ($1::uuid, $2::uuid, 'gone', 'lab', $3, now() - interval '61 seconds')",
          [requestId, userId, tool],
        );
        const response = await callTool(patient, userId, "lab", tool, {}, { requestId });
        expect(response.status).toBe(expected === 1 ? 200 : 409);
        await response.text();
        expect(effects(requestId)).toBe(expected);
        await patient.stop();
      }
    });

    it("run nothing when the claim cannot be written", async () => {
      const requestId = newRequestId();
      const down = await startOrigin(database(), {
        lab,
        wrap: (inner: Database) => ({
          ...inner,
          query: (text, parameters) =>
            text.includes("insert into mcpist.call_claims")
              ? Promise.reject(new Error("down"))
              : inner.query(text, parameters),
        }),
      });
      const response = await callTool(down, userId, "lab", "effect", {}, { requestId });
      expect([response.status, response.headers.get("x-mcpist-deny")]).toEqual([503, "db"]);
      expect(effects(requestId)).toBe(0);
      await down.stop();
    });

    it("stay claimed when the client left half way: nobody can say whether they ran", async () => {
      const requestId = newRequestId();
      const controller = new AbortController();
      const first = callTool(koyeb, userId, "lab", "wait", {}, { requestId, signal: controller.signal }).catch(
        () => null,
      );
      await expect.poll(() => effects(requestId)).toBe(1);
      controller.abort();
      await first;
      await new Promise((done) => setTimeout(done, 50));
      const [row] = await database().admin.query<{ state: string }>(
        "select state from mcpist.call_claims where request_id = $1::uuid",
        [requestId],
      );
      expect(row?.state).toBe("claimed");
      lab.release();
    });

    it("are stopped at the deadline: the caller is told, the claim keeps saying that nobody knows", async () => {
      const brief = await startOrigin(database(), { name: "koyeb", lab, deadlineMs: 50 });
      const requestId = newRequestId();
      const result = await resultOf(await callTool(brief, userId, "lab", "wait", {}, { requestId }));
      expect(result).toMatchObject({ isError: true, content: [{ text: expect.stringContaining("took too long") }] });
      expect(brief.events("call_failed")).toMatchObject([{ requestId, reason: "tool" }]);
      const again = await callTool(brief, userId, "lab", "effect", {}, { requestId: newRequestId() });
      expect(await resultOf(again)).not.toMatchObject({ isError: true });
      await brief.stop();
      const [row] = await database().admin.query("select state from mcpist.call_claims where request_id = $1::uuid", [
        requestId,
      ]);
      expect(row).toEqual({ state: "claimed" });
      expect(effects(requestId)).toBe(1);
      lab.release();
    });

    it("say nothing of what a module threw: not to the caller, not in the log, not in the database", async () => {
      const requestId = newRequestId();
      const response = await callTool(koyeb, userId, "lab", "leak", { text: CANARY }, { requestId });
      const text = await response.text();
      expect(text).toContain(`The tool failed. Request ${requestId}.`);
      await settled(requestId);
      await koyeb.assembled.flushLog();
      const { admin } = database();
      const rows = [
        ...(await admin.query("select e.* from mcpist.security_events e")),
        ...(await admin.query("select convert_from(result, 'UTF8') as result from mcpist.call_claims")),
      ];
      const written = [
        text,
        JSON.stringify(koyeb.lines),
        JSON.stringify(rows, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
      ];
      for (const form of formsOf(CANARY)) for (const place of written) expect(place).not.toContain(form);
      expect(koyeb.events("call_failed").some((event) => event["requestId"] === requestId)).toBe(true);
    });

    it("pass on a text that a module wrote for the caller", async () => {
      expect(await resultOf(await callTool(koyeb, userId, "lab", "explain"))).toMatchObject({
        isError: true,
        content: [{ text: "the lab is closed" }],
      });
    });

    it("name the parameters that do not fit, without repeating them", async () => {
      const { isError, content } = await resultOf(await callTool(koyeb, userId, "lab", "read", { text: 5 }));
      expect([isError, content[0]?.text]).toEqual([
        true,
        "Invalid params. text: Invalid input: expected string, received number",
      ]);
    });
  });
}
