/** The Tool Sieve through the real SDK: what is shown, what is refused, and what the refusal gives away. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRegistry } from "../../modules/registry.ts";
import type { TestDatabase } from "../database.ts";
import { createLab, testModules } from "../modules.ts";
import {
  callTool,
  getSchema,
  modern,
  newRequestId,
  newUser,
  post,
  resultOf,
  startOrigin,
  type TestOrigin,
  type TestOriginOptions,
} from "../origin.ts";
import { listNative } from "./sieve-native.ts";

const REFUSED = "This module or tool does not exist or is not available to you.";
const registry = createRegistry(testModules({ fetch }, createLab()));
const ALL = [...registry.values()].flatMap((module) =>
  [...module.tools.keys()].map((tool) => [module.name, tool] as const),
);
/** Runs at once, needs no parameters, no network and no claim. */
const RUNNABLE: ReadonlySet<string> = new Set(["time now", "lab read"]);

export function describeSieve(database: () => TestDatabase): void {
  describe.each(["meta", "native"] as const)("Tool Sieve, tools presented as %s", (presentation) => {
    const start = (options: TestOriginOptions = {}) =>
      startOrigin(database(), { ...options, config: { presentation, ...options.config } });
    let koyeb: TestOrigin;
    let fly: TestOrigin;
    let now = 0;
    beforeAll(async () => {
      koyeb = await start({ name: "koyeb", now: () => now });
      fly = await start({ name: "fly", now: () => now });
    });
    afterAll(() => Promise.all([koyeb.stop(), fly.stop()]));

    async function listed(origin: TestOrigin, userId: string): Promise<string[]> {
      if (presentation === "native")
        return (await listNative(origin, userId)).map((name) => name.replace("__", " ")).sort();
      const { structuredContent } = await resultOf(await getSchema(origin, userId));
      const modules = structuredContent?.["modules"] as { module: string; tools: string[] }[];
      const names: string[] = [];
      for (const { module, tools } of modules) {
        const schema = (await resultOf(await getSchema(origin, userId, module))).structuredContent?.["tools"] as {
          name: string;
        }[];
        expect(schema.map(({ name }) => name)).toEqual(tools);
        names.push(...tools.map((tool) => `${module} ${tool}`));
      }
      return names.sort();
    }
    async function allowed(origin: TestOrigin, userId: string): Promise<string[]> {
      const answers = await Promise.all(
        ALL.map(async ([module, tool]) => {
          // Parameters that no schema takes: an allowed tool says so, and nothing runs.
          const { content } = await resultOf(await callTool(origin, userId, module, tool, { "no such parameter": 1 }));
          return content[0]?.text === REFUSED ? null : `${module} ${tool}`;
        }),
      );
      return answers.filter((name) => name !== null).sort();
    }

    it("lists, allows and runs exactly what is granted, at both origins and after the cache has expired", async () => {
      await fc.assert(
        fc.asyncProperty(fc.subarray([...ALL]), fc.subarray([...ALL]), async (first, second) => {
          const userId = await newUser(database(), { grants: first });
          const names = (grants: readonly (readonly [string, string])[]) =>
            grants.map(([module, tool]) => `${module} ${tool}`).sort();
          for (const origin of [koyeb, fly]) {
            expect(await listed(origin, userId)).toEqual(names(first));
            expect(await allowed(origin, userId)).toEqual(names(first));
          }
          const admin = database().admin;
          await admin.query(
            "update mcpist.grants set revoked_at = now(), revoked_by = 'test' where user_id = $1::uuid",
            [userId],
          );
          for (const [module, tool] of second)
            await admin.query("select mcpist.grant_tool($1::uuid, $2, $3, 'test')", [userId, module, tool]);
          now += 300_000;
          for (const origin of [koyeb, fly]) {
            expect(await listed(origin, userId)).toEqual(names(second));
            for (const name of RUNNABLE) {
              const [module = "", tool = ""] = name.split(" ");
              const result = await resultOf(await callTool(origin, userId, module, tool));
              expect(result.isError === true).toBe(!names(second).includes(name));
            }
          }
        }),
        { numRuns: database().kind === "pglite" ? 4 : 10 },
      );
    });

    if (presentation === "meta")
      it("shows everybody the same two tools, with hints for caches", async () => {
        const users = [await newUser(database()), await newUser(database(), { grants: ALL.slice(0, 5) })];
        const lists = await Promise.all(
          users.map(async (userId) => {
            const response = await post(koyeb, {
              userId,
              body: modern("tools/list", {}),
              headers: { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list" },
            });
            return response.text();
          }),
        );
        expect(lists[0]).toBe(lists[1]);
        const { result } = JSON.parse(lists[0] ?? "") as {
          result: { tools: { name: string; inputSchema: unknown }[]; ttlMs: number; cacheScope: string };
        };
        expect(result.tools.map(({ name }) => name)).toEqual(["get_module_schema", "call"]);
        expect([result.ttlMs, result.cacheScope]).toEqual([300_000, "private"]);
        expect(result.tools[1]?.inputSchema).toMatchObject({
          properties: { module: { "x-mcp-header": "Module" }, tool: { "x-mcp-header": "Tool" } },
          required: ["module", "tool"],
        });
        expect(JSON.stringify(result.tools[1]?.inputSchema).match(/x-mcp-header/g)).toHaveLength(2);
      });

    describe("refusals", () => {
      let userId: string;
      const names: readonly (readonly [string, string, string])[] = [
        ["hidden", "github", "comment"],
        ["revoked yesterday", "lab", "upsert"],
        ["revoked long ago", "lab", "large"],
        ["switched off", "lab", "explain"],
        ["a decoy", "time", "set_system_clock"],
        ["in no registry", "time", "travel"],
        ["in a module that is in no registry", "nothing", "here"],
      ];
      beforeAll(async () => {
        userId = await newUser(database(), {
          grants: [
            ["time", "now"],
            ["lab", "upsert"],
            ["lab", "large"],
            ["lab", "explain"],
          ],
        });
        const { admin } = database();
        await admin.query("select mcpist.revoke_tool($1::uuid, 'lab', 'upsert', 'test')", [userId]);
        await admin.query("select mcpist.revoke_tool($1::uuid, 'lab', 'large', 'test')", [userId]);
        await admin.query(
          "update mcpist.grants set revoked_at = now() - interval '25 hours' where user_id = $1::uuid and tool_id = 'large'",
          [userId],
        );
        await admin.query("select mcpist.set_tool_enabled('lab', 'explain', false)");
      });
      afterAll(async () => {
        await database().admin.query("select mcpist.set_tool_enabled('lab', 'explain', true)");
      });

      const without = (headers: Headers): string => JSON.stringify([...headers].filter(([name]) => name !== "date"));

      it("are the same bytes and the same headers for every reason, in both eras", async () => {
        const answers = new Set<string>();
        const legacy = new Set<string>();
        for (const [, module, tool] of names) {
          const response = await callTool(koyeb, userId, module, tool);
          answers.add(`${response.status} ${without(response.headers)} ${await response.text()}`);
          const old = await post(koyeb, {
            userId,
            body: {
              jsonrpc: "2.0",
              id: 7,
              method: "tools/call",
              params:
                presentation === "meta"
                  ? { name: "call", arguments: { module, tool } }
                  : { name: `${module}__${tool}`, arguments: {} },
            },
          });
          legacy.add(`${old.status} ${without(old.headers)} ${await old.text()}`);
        }
        expect([...answers]).toHaveLength(1);
        expect([...legacy]).toHaveLength(1);
        expect([...answers][0]).toContain(REFUSED);
      });

      if (presentation === "meta")
        it("are the same for a module whose schema is asked for", async () => {
          const answers = new Set<string>();
          for (const module of ["github", "nothing", "__proto__", ""])
            answers.add(await (await getSchema(koyeb, userId, module)).text());
          expect([...answers]).toHaveLength(1);
        });

      it("come before parameters are looked at", async () => {
        const plain = await (await callTool(koyeb, userId, "github", "comment")).text();
        const odd = await (await callTool(koyeb, userId, "github", "comment", { owner: 5, nested: { a: [1] } })).text();
        expect(odd).toBe(plain);
      });

      it("get the right verdict and score in the log and in the database, after the answer", async () => {
        const expected: Readonly<Record<string, readonly [string, number]>> = {
          "github comment": ["never_granted", 10],
          "lab upsert": ["recently_revoked", 0],
          "lab large": ["never_granted", 10],
          "lab explain": ["disabled", 0],
          "time set_system_clock": ["decoy", 50],
          "time travel": ["nonexistent", 1],
          "nothing here": ["nonexistent", 1],
        };
        const origin = await start({ name: `log-${presentation}` });
        for (const [, module, tool] of names) await (await callTool(origin, userId, module, tool)).text();
        await expect.poll(() => origin.events("tool_refused").length).toBe(names.length);
        for (const event of origin.events("tool_refused")) {
          const name = `${String(event["module"])} ${String(event["tool"])}`;
          expect([name, event["verdict"], event["score"]]).toEqual([name, ...(expected[name] ?? [])]);
        }
        await origin.assembled.flushLog();
        const rows = await database().admin.query<{ name: string; verdict: string; score: number; user: string }>(
          `select module || ' ' || tool as name, verdict, score, user_id::text as user from mcpist.security_events where origin = $1 and event = 'tool_refused'`,
          [`log-${presentation}`],
        );
        expect(rows).toHaveLength(names.length);
        for (const row of rows)
          expect([row.verdict, row.score, row.user]).toEqual([...(expected[row.name] ?? []), userId]);
        await origin.stop();
      });

      it("are not given to a client that left before its body was read, and nothing is left waiting for it", async () => {
        const controller = new AbortController();
        let gone = Promise.resolve();
        const origin = await start({
          name: "hang-up",
          wrap: (inner) => ({
            ...inner,
            query: async (text, parameters) => {
              controller.abort();
              await gone;
              return inner.query(text, parameters);
            },
          }),
        });
        const { server, inFlight } = origin.assembled.origin;
        gone = new Promise((resolve) => server.once("connection", (socket) => socket.once("close", () => resolve())));
        await callTool(origin, userId, "time", "set_system_clock", {}, { signal: controller.signal }).catch(() => null);
        await expect.poll(inFlight).toBe(0);
        expect(origin.events("internal_error")).toEqual([]);
        expect(await resultOf(await callTool(origin, userId, "time", "now"))).toMatchObject({ content: [{}] });
        await origin.stop();
      });

      it("raise an alert at the first touch of a decoy and after twenty different names that do not exist", async () => {
        const alerts: Record<string, unknown>[] = [];
        const webhook = (async (_url: string, init: { readonly body: string }) => {
          alerts.push(JSON.parse(init.body) as Record<string, unknown>);
          return new Response(null, { status: 204 });
        }) as unknown as typeof fetch;
        const origin = await start({
          config: { alertWebhook: "https://alerts.example/hook" },
          fetch: webhook,
        });
        const [prober, typist] = [await newUser(database()), await newUser(database())];
        await callTool(origin, prober, "time", "set_system_clock");
        await expect.poll(() => alerts.length).toBe(1);
        expect(alerts[0]).toMatchObject({
          alert: "probe_suspected",
          userId: prober,
          verdict: "decoy",
          score: 50,
          environment: "sandbox",
        });
        for (let i = 0; i < 19; i++) await callTool(origin, typist, "time", `name_${i}`);
        await expect
          .poll(() => origin.events("tool_refused").filter((event) => event["userId"] === typist).length)
          .toBe(19);
        expect(alerts).toHaveLength(1);
        await callTool(origin, typist, "time", "name_19");
        await expect.poll(() => alerts.length).toBe(2);
        expect(alerts[1]).toMatchObject({ alert: "probe_suspected", userId: typist, verdict: "nonexistent" });
        await origin.stop();
      });

      it("add up once the database answers again, when it was away at the time of the refusal", async () => {
        let down = false;
        const origin = await start({
          wrap: (inner) => ({
            ...inner,
            query: (text, parameters) => (down ? Promise.reject(new Error("down")) : inner.query(text, parameters)),
          }),
        });
        const prober = await newUser(database());
        await callTool(origin, prober, "time", "now");
        await expect.poll(() => origin.events("tool_refused").length).toBe(1);
        down = true;
        await callTool(origin, prober, "time", "set_system_clock");
        await expect.poll(() => origin.events("tool_refused").length).toBe(1 + 1);
        expect(origin.events("tool_refused")[1]).toMatchObject({
          reason: "no verdict: database unavailable",
          tool: "set_system_clock",
        });
        await origin.assembled.judgeRefusals();
        expect(origin.events("probe_suspected")).toEqual([]);
        down = false;
        await origin.assembled.judgeRefusals();
        await origin.assembled.judgeRefusals();
        expect(origin.events("probe_suspected")).toEqual([
          expect.objectContaining({ severity: "critical", verdict: "decoy", score: 60, userId: prober }),
        ]);
        await origin.stop();
      });

      it.each([
        ["__proto__", "now"],
        ["time", "__proto__"],
        ["constructor", "name"],
        ["time", "constructor"],
        ["time", "toString"],
        ["hasOwnProperty", "call"],
        ["Time", "now"],
        ["time ", "now"],
        [" time", "now"],
        ["time", "now\n"],
        ["time", "NOW"],
        ["time", "n\u043ew"],
        ["t\u0131me", "now"],
        ["ti\u200bme", "now"],
        ["time\u0000", "now"],
        ["\ufb01me", "now"],
        ["time", "no\u0301w"],
        ["time/now", ""],
        ["time.now", "now"],
        ["", ""],
        ["x".repeat(9_000), "now"],
      ])("meet the names %j and %j", async (module, tool) => {
        const response = await callTool(koyeb, userId, module, tool);
        const { content, isError } = await resultOf(response);
        expect([isError, content[0]?.text]).toEqual([true, REFUSED]);
      });

      it("log names that an attacker chose only in a harmless shape", async () => {
        const origin = await start({ name: "names" });
        const evil = 'x","verdict":"ok"}\n{"event":"fake';
        await callTool(origin, userId, evil, "now");
        await callTool(origin, userId, "time", "a".repeat(65));
        await expect.poll(() => origin.events("tool_refused").length).toBe(2);
        const text = JSON.stringify(origin.lines);
        expect(text).not.toContain("fake");
        expect(text).not.toContain("a".repeat(65));
        for (const event of origin.events("tool_refused")) {
          expect(event["nameHash"]).toMatch(/^[0-9a-f]{32}:\d+$/);
          expect([event["module"], event["tool"]]).toEqual([undefined, undefined]);
        }
        await origin.stop();
      });

      it("do not depend on the number of names that were tried", async () => {
        const first = await (await callTool(koyeb, userId, "time", "zero")).text();
        const again = new Set<string>();
        for (let i = 0; i < 50; i++) again.add(await (await callTool(koyeb, userId, `m${i}`, `t${i}`)).text());
        expect([...again]).toEqual([first]);
      });
    });

    it("never speaks of a tool that the client invents", async () => {
      const userId = await newUser(database());
      const before = koyeb.lab.effects.length;
      for (const name of ["now", "__proto__", "constructor", "github.comment"]) {
        const response = await post(koyeb, {
          userId,
          requestId: newRequestId(),
          body: modern("tools/call", { name, arguments: {} }),
          headers: { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": name },
        });
        expect(await response.text()).toContain(presentation === "meta" ? '"error"' : REFUSED);
      }
      expect(koyeb.lab.effects.length).toBe(before);
    });
  });
}
