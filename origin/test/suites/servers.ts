/** Servers of one's own as modules: seen, approved, called, changed, dead. With a real child over its standard streams. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ServerSettings } from "../../../contract/servers.ts";
import { Secret } from "../../modules/secret.ts";
import { createServers, type Servers } from "../../servers/servers.ts";
import type { TestDatabase } from "../database.ts";
import { callTool, getSchema, newRequestId, newUser, resultOf, startOrigin, type TestOrigin } from "../origin.ts";

const TINY = fileURLToPath(new URL("../servers/tiny.ts", import.meta.url));
const child = (mode = "plain", more: Partial<ServerSettings> = {}): ServerSettings => ({
  command: [process.execPath, TINY, mode],
  trusted: true,
  ...more,
});

function serversOf(settings: Readonly<Record<string, ServerSettings>>, separator: string | null = null): Servers {
  const servers = createServers(settings, {
    secrets: new Map([["TINY_KEY", new Secret("a-value-that-only-tiny-gets")]]),
    separator,
    path: process.env["PATH"] ?? "",
    version: "0.0.0",
    fetch,
    random: () => 0.5,
    now: () => performance.now(),
  });
  if (!servers.ok) throw new Error(servers.error);
  return servers.value;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

export function describeServers(database: () => TestDatabase): void {
  const seen = (module: string) =>
    database().admin.query<{ tool_id: string; pin: string }>(
      "select tool_id, pin from mcpist.tool_sightings where module_id = $1 order by first_seen desc, tool_id",
      [module],
    );
  const approve = async (module: string, tool: string): Promise<void> => {
    const shown = async () => (await seen(module)).some(({ tool_id: name }) => name === tool);
    await vi.waitUntil(shown, { timeout: 150_000 });
    const sighting = (await seen(module)).find(({ tool_id: name }) => name === tool);
    await database().admin.query("select mcpist.approve_tool($1, $2, $3, 'test')", [module, tool, sighting?.pin ?? ""]);
  };
  const text = async (answer: Promise<Response>): Promise<string> =>
    (await resultOf(await answer)).content.map((block) => block.text).join("");
  const REFUSED = "This module or tool does not exist or is not available to you.";

  describe("a server of one's own", () => {
    let origin: TestOrigin;
    let userId: string;
    beforeAll(async () => {
      const settings = {
        tiny: child("plain", { secrets: ["TINY_KEY"], tools: { echo: { readOnly: true } } }),
        broken: child("exits"),
      };
      origin = await startOrigin(database(), { servers: serversOf(settings), timers: true });
      for (const tool of ["echo", "slow", "die", "who"]) await approve("tiny", tool);
      userId = await newUser(database(), {
        grants: ["echo", "slow", "die", "who"].map((tool) => ["tiny", tool] as const),
      });
    });
    afterAll(() => origin.stop());

    it("shows its approved tools to whoever was granted them, with what it says to models", async () => {
      const { structuredContent } = await resultOf(await getSchema(origin, userId, "tiny"));
      expect(structuredContent).toEqual({
        module: "tiny",
        instructions: "Be kind.",
        tools: [
          {
            name: "echo",
            description: "Says it again",
            inputSchema: { type: "object", properties: { text: { type: "string" } } },
            annotations: { readOnlyHint: true, idempotentHint: true, destructiveHint: false },
          },
          ...["slow", "die", "who"].map((name) =>
            expect.objectContaining({
              name,
              annotations: { readOnlyHint: false, idempotentHint: false, destructiveHint: true },
            }),
          ),
        ],
      });
    });

    it("runs a tool with parameters that fit, and none with others", async () => {
      expect(await text(callTool(origin, userId, "tiny", "echo", { text: "hello" }))).toBe("hello");
      expect(await text(callTool(origin, userId, "tiny", "echo", { text: 1 }))).toBe(
        "Invalid params. text: must be string",
      );
    });

    it("does not exist for whoever was not granted it", async () => {
      const other = await newUser(database());
      expect(await text(callTool(origin, other, "tiny", "echo"))).toBe(REFUSED);
      expect(await text(getSchema(origin, other, "tiny"))).toBe(REFUSED);
    });

    it("gets its own secrets, PATH and a home, and nothing of the origin's", async () => {
      const { env } = JSON.parse(await text(callTool(origin, userId, "tiny", "who"))) as { env: string[] };
      expect(env).toEqual(["HOME", "LANG", "PATH", "TINY_KEY", "TMPDIR"]);
    });

    it("is told apart: what it did before it died is unknown, and the claim stays open", async () => {
      const requestId = newRequestId();
      expect(await text(callTool(origin, userId, "tiny", "die", {}, { requestId }))).toBe(
        "The server ended or fell silent before it answered: the call may have been executed. It is not repeated.",
      );
      const [claim] = await database().admin.query<{ state: string }>(
        "select state from mcpist.call_claims where request_id = $1::uuid",
        [requestId],
      );
      expect(claim?.state).toBe("claimed");
      // It comes back by itself.
      await expect.poll(() => text(callTool(origin, userId, "tiny", "echo", { text: "back" }))).toBe("back");
    });

    it("does not stop the others, or the origin, when it cannot be started", async () => {
      await expect
        .poll(() => origin.events("server_state"))
        .toContainEqual(expect.objectContaining({ server: "broken", state: "down", severity: "warn" }));
      expect((await fetch(`${origin.url}/health`)).status).toBe(200);
    });

    it("loses nothing into a log: neither a value nor a parameter", async () => {
      await text(callTool(origin, userId, "tiny", "echo", { text: "parameter-7c2f" }));
      const lines = JSON.stringify(origin.lines);
      expect(lines).not.toContain("a-value-that-only-tiny-gets");
      expect(lines).not.toContain("parameter-7c2f");
    });
  });

  describe("a server that changes its tools", () => {
    it("has the changed one withheld at once, and shown again when it was approved", async () => {
      const before = await startOrigin(database(), { servers: serversOf({ fickle: child() }), timers: true });
      await approve("fickle", "echo");
      await approve("fickle", "who");
      const userId = await newUser(database(), {
        grants: [
          ["fickle", "echo"],
          ["fickle", "who"],
        ],
      });
      expect(await text(callTool(before, userId, "fickle", "echo", { text: "a" }))).toBe("a");
      await before.stop();

      const after = await startOrigin(database(), { servers: serversOf({ fickle: child("changed") }), timers: true });
      await expect
        .poll(() => after.events("tool_changed"))
        .toContainEqual(expect.objectContaining({ module: "fickle", tool: "echo", severity: "critical" }));
      expect(await text(callTool(after, userId, "fickle", "echo", { text: "a" }))).toBe(REFUSED);
      expect(await text(callTool(after, userId, "fickle", "who"))).toContain("uid");
      await approve("fickle", "echo");
      await after.assembled.pollPermissions();
      expect(await text(callTool(after, userId, "fickle", "echo", { text: "a" }))).toBe("a");
      await after.stop();
    });
  });

  describe("a server with a process for each user", () => {
    it("gives nobody another's process, and ends it with its user", async () => {
      const settings = { own: child("plain", { perUser: true }) };
      const origin = await startOrigin(database(), { servers: serversOf(settings), timers: true });
      await approve("own", "who");
      const [anna, ben] = await Promise.all([1, 2].map(() => newUser(database(), { grants: [["own", "who"]] })));
      const who = async (user = "") =>
        JSON.parse(await text(callTool(origin, user, "own", "who"))) as { readonly pid: number; readonly home: string };
      const [{ pid: first, home }, { pid: second, home: other }] = [await who(anna), await who(ben)];
      expect(second).not.toBe(first);
      expect((await who(anna)).pid).toBe(first);
      // What the process of one user leaves behind is not found by another's.
      expect(other).not.toBe(home);
      await database().admin.query("select mcpist.set_status($1::uuid, 'suspended', 'test')", [anna ?? ""]);
      await origin.assembled.pollPermissions();
      await expect.poll(() => isAlive(first)).toBe(false);
      expect(isAlive(second)).toBe(true);
      await expect.poll(() => [existsSync(home), existsSync(other)]).toEqual([false, true]);
      await origin.stop();
    });
  });

  describe("sightings of tools", () => {
    it("can be approved only as they were seen, and only by the owner", async () => {
      const { admin } = database();
      await expect(
        admin.query("select mcpist.approve_tool('tiny', 'echo', $1, 'test')", ["0".repeat(64)]),
      ).rejects.toThrow("no origin has seen this tool with this pin");
      if (database().kind !== "postgres") return;
      const origin = await database().openOrigin();
      await expect(
        origin.query("select mcpist.approve_tool('tiny', 'echo', $1, 'x')", ["0".repeat(64)]),
      ).rejects.toThrow();
      await expect(origin.query("select * from mcpist.tool_sightings")).rejects.toThrow();
      await origin.close();
    });

    it("are bounded over all names of modules together, and an approved one stays", async () => {
      const { admin } = database();
      const sight = (module: string, tool: string) =>
        admin.query("select * from mcpist.sight_tools($1, $2::json)", [
          module,
          JSON.stringify([{ tool, facts: `{"of":"${tool}"}` }]),
        ]);
      await sight("kept", "approved");
      await sight("kept", "other");
      await admin.query(
        "update mcpist.tool_sightings set last_seen = now() - interval '9 days' where module_id = 'kept'",
      );
      const [pin] = await admin.query<{ pin: string }>(
        "select pin from mcpist.tool_sightings where module_id = 'kept' and tool_id = 'approved'",
      );
      await admin.query("select mcpist.approve_tool('kept', 'approved', $1, 'test')", [pin?.pin ?? ""]);
      await admin.query(
        `insert into mcpist.tool_sightings (module_id, tool_id, facts, pin, last_seen)
         select 'm' || n, 't', n::text, encode(sha256(convert_to(n::text, 'UTF8')), 'hex'), now() - interval '1 day'
         from generate_series(1, 20100) n`,
      );
      // A report of what is known already adds nothing, so it looks through nothing.
      await sight("kept", "approved");
      const [all] = await admin.query<{ n: string }>(
        "select count(*)::text as n from mcpist.tool_sightings where facts ~ '^[0-9]+$'",
      );
      expect(all?.n).toBe("20100");
      await sight("newest", "t");
      const [count] = await admin.query<{ unapproved: string; kept: string; newest: string }>(
        `select count(*) filter (where not (module_id = 'kept' and tool_id = 'approved')
           and not exists (select from mcpist.tools t where t.module_id = s.module_id and t.tool_id = s.tool_id and t.pin = s.pin))::text as unapproved,
           string_agg(tool_id, ',') filter (where module_id = 'kept') as kept,
           string_agg(tool_id, ',') filter (where module_id = 'newest') as newest
         from mcpist.tool_sightings s`,
      );
      expect(count).toEqual({ unapproved: "20000", kept: "approved", newest: "t" });
      await admin.query("delete from mcpist.tool_sightings where last_seen < now() - interval '1 hour'");
    });

    it("have the pin of what they say, whoever writes them", async () => {
      await expect(
        database().admin.query(
          "insert into mcpist.tool_sightings (module_id, tool_id, facts, pin) values ('tiny', 'echo', '{}', $1)",
          ["0".repeat(64)],
        ),
      ).rejects.toThrow();
    });
  });
}
