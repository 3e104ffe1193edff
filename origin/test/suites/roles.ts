/** Least privilege on a real server: what each role may do, and that it may do nothing else. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../database/database.ts";
import { migrate } from "../../../supabase/migrate/apply.ts";
import { readMigrations } from "../../../supabase/migrate/files.ts";
import { openPostgres } from "../../database/pg.ts";
import { connectedUser } from "../broker.ts";
import type { TestDatabase } from "../database.ts";
import { postgresBinaries } from "../postgres.ts";
import { callTool, newUser, resultOf, startOrigin } from "../origin.ts";

const CONNECT_SCRIPT = fileURLToPath(new URL("../../../supabase/connect.sql", import.meta.url));
export function describeRoles(database: () => TestDatabase): void {
  describe("database roles", () => {
    let origin: Database;
    beforeAll(async () => {
      origin = await database().openOrigin();
    });
    afterAll(() => origin.close());

    it("let the broker wait no longer than a second for a row that somebody holds, and serve everybody else meanwhile", async () => {
      const { admin } = database();
      const [held, other] = [await connectedUser(database(), 1), await connectedUser(database(), 1)];
      const kept = await connectedUser(database(), 3600);
      const [row] = await admin.query<{ port: string }>("select current_setting('port') as port");
      const operator = new pg.Client(`postgres://postgres@127.0.0.1:${row?.port}/postgres`);
      await operator.connect();
      await operator.query("begin");
      await operator.query("select from mcpist.connections where user_id in ($1, $2) for update", [held, kept]);
      const open = (userId: string) =>
        database().broker.query("select state from mcpist.broker_open($1::uuid, 'lab', null, gen_random_uuid())", [
          userId,
        ]);
      const waiting = open(held).catch((cause: unknown) => cause);
      expect(await open(other)).toEqual([{ state: "refresh" }]);
      expect(await waiting).toMatchObject({ code: "55P03" });
      // A token that is good waits for nobody.
      expect(await open(kept)).toEqual([{ state: "token" }]);
      await operator.end();
      expect(await open(held)).toEqual([{ state: "refresh" }]);
    });

    const forbidden: readonly (readonly [string, string])[] = [
      [
        "grant itself a tool",
        "insert into mcpist.grants (user_id, module_id, tool_id, granted_by) values ($1::uuid, 'lab', 'read', 'me')",
      ],
      ["undo a revocation", "update mcpist.grants set revoked_at = null, revoked_by = null where user_id = $1::uuid"],
      ["change a plan", "update mcpist.users set plan_id = 'unlimited' where user_id = $1::uuid"],
      ["use the operators' functions", "select mcpist.grant_tool($1::uuid, 'lab', 'read', 'me')"],
      ["read security events", "select * from mcpist.security_events where user_id = $1::uuid"],
      ["read who changed what", "select * from mcpist.changes where db_role = $1"],
      [
        "write that somebody changed something",
        "insert into mcpist.changes (changed_by, db_role, subject, after) values ($1, $1, 'users', '{}')",
      ],
      ["delete security events", "delete from mcpist.security_events where user_id = $1::uuid"],
      [
        "write events as the broker",
        "insert into mcpist.security_events (layer, event, severity, user_id) values ('broker', 'x', 'info', $1::uuid)",
      ],
      ["read connections", "select * from mcpist.connections where user_id = $1::uuid"],
      ["read the Vault", "select * from vault.decrypted_secrets where name = $1"],
      ["open a connection as the broker does", "select * from mcpist.broker_open($1::uuid, 'github', null)"],
      ["delete a claim", "delete from mcpist.call_claims where user_id = $1::uuid"],
      ["move a claim to another user", "update mcpist.call_claims set user_id = $1::uuid"],
      [
        "claim with a result",
        "insert into mcpist.call_claims (request_id, user_id, origin, module_id, tool_id, result) values (gen_random_uuid(), $1::uuid, 'x', 'lab', 'read', 'x')",
      ],
      ["become somebody else", "set role postgres"],
      ["create a table", "create table mcpist.mine (x int)"],
    ];
    it.each(forbidden)("do not let the origin %s", async (_, sql) => {
      const userId = await newUser(database());
      await expect(origin.query(sql, sql.includes("$1") ? [userId] : [])).rejects.toMatchObject({ code: "42501" });
    });

    it("hide the settings that are not the origin's, and finished claims from its updates", async () => {
      const { admin } = database();
      const userId = await newUser(database());
      await admin.query("insert into mcpist.settings (key, value) values ('private_note', 'x') on conflict do nothing");
      expect(await origin.query("select key from mcpist.settings where key = 'private_note'")).toEqual([]);
      await admin.query(
        "insert into mcpist.call_claims (request_id, user_id, origin, module_id, tool_id, state, finished_at) values ('0193f000-0000-7000-8000-00000000dddd', $1::uuid, 'x', 'lab', 'read', 'done', now())",
        [userId],
      );
      const changed = await origin.query(
        "update mcpist.call_claims set state = 'claimed', finished_at = null where user_id = $1::uuid returning state",
        [userId],
      );
      expect(changed).toEqual([]);
    });

    it("let Auth run the hook under row-level security, and read only what the hook reads", async () => {
      const { admin } = database();
      const [row] = await admin.query<{ port: string }>("select current_setting('port') as port");
      const auth = openPostgres(`postgres://supabase_auth_admin@127.0.0.1:${row?.port}/postgres`, () => {});
      await admin.query(
        "insert into mcpist.settings (key, value) values ('resource_url', 'https://mcp.example.com/mcp')",
      );
      const [hooked] = await auth.query<{ e: unknown }>(
        `select mcpist.access_token_hook('{"claims":{"client_id":"c"}}') as e`,
      );
      expect(hooked?.e).toMatchObject({ claims: { aud: "https://mcp.example.com/mcp" } });
      expect(await auth.query("select key from mcpist.settings")).toEqual([{ key: "resource_url" }]);
      await expect(auth.query("select * from mcpist.users")).rejects.toMatchObject({ code: "42501" });
      await admin.query("delete from mcpist.settings where key = 'resource_url'");
      await auth.close();
    });

    it("give whoever signs up, or had before, a row on the free plan and no grants, and forget whoever is deleted", async () => {
      const { admin } = database();
      const [row] = await admin.query<{ port: string }>("select current_setting('port') as port");
      await admin.script("create database sign_up");
      const fresh = openPostgres(`postgres://postgres@127.0.0.1:${row?.port}/sign_up`, () => {}, {
        queryTimeoutMs: 30_000,
      });
      await fresh.script(
        "create schema auth; create table auth.users (id uuid primary key); grant usage on schema auth to supabase_auth_admin",
      );
      await fresh.script("insert into auth.users values ('11111111-1111-4111-8111-111111111111')");
      await migrate(fresh);
      await fresh.script("grant insert, delete, select on auth.users to supabase_auth_admin");
      const auth = openPostgres(`postgres://supabase_auth_admin@127.0.0.1:${row?.port}/sign_up`, () => {});
      await auth.query("insert into auth.users values ('22222222-2222-4222-8222-222222222222')");
      expect(await fresh.query("select user_id::text as id, plan_id, status from mcpist.users")).toEqual([
        { id: "11111111-1111-4111-8111-111111111111", plan_id: "free", status: "active" },
        { id: "22222222-2222-4222-8222-222222222222", plan_id: "free", status: "active" },
      ]);
      expect(await fresh.query("select * from mcpist.grants")).toEqual([]);
      await fresh.script("insert into mcpist.tools (module_id, tool_id) values ('lab', 'read')");
      await fresh.query("select mcpist.grant_tool('22222222-2222-4222-8222-222222222222', 'lab', 'read', 'ann')");
      await auth.query("delete from auth.users where id = '22222222-2222-4222-8222-222222222222'");
      expect(await fresh.query("select user_id::text as id from mcpist.users")).toEqual([
        { id: "11111111-1111-4111-8111-111111111111" },
      ]);
      expect(await fresh.query("select * from mcpist.grants")).toEqual([]);
      await Promise.all([auth.close(), fresh.close()]);
    });

    it("stand ready for two programs that migrate one database at the same time", async () => {
      const { admin } = database();
      const [row] = await admin.query<{ port: string }>("select current_setting('port') as port");
      await admin.script("create database two_migrators");
      const both = [1, 2].map(() =>
        openPostgres(`postgres://postgres@127.0.0.1:${row?.port}/two_migrators`, () => {}, { queryTimeoutMs: 30_000 }),
      );
      const applied = await Promise.all(both.map((fresh) => migrate(fresh)));
      expect(applied.flat().sort()).toEqual((await readMigrations()).map(({ version }) => version));
      await Promise.all(both.map((fresh) => fresh.close()));
    });

    it("let two origins sweep at once, each other rows", async () => {
      const { admin } = database();
      const other = await database().openOrigin();
      await admin.query(
        "insert into mcpist.security_events (at, layer, event, severity) select now() - interval '91 days', 'origin', 'old', 'info' from generate_series(1, 3000)",
      );
      const swept = await Promise.all(
        [origin, other].map((each) => each.query<{ n: number }>("select mcpist.sweep(2000) as n")),
      );
      const rest = await origin.query<{ n: number }>("select mcpist.sweep(2000) as n");
      expect([...swept, rest].reduce((sum, [found]) => sum + (found?.n ?? 0), 0)).toBeGreaterThanOrEqual(3000);
      expect(await admin.query("select 1 from mcpist.security_events where event = 'old'")).toEqual([]);
      await other.close();
    });

    it("let an operator connect an account with psql, from what curl prints", async () => {
      const { admin } = database();
      const userId = await newUser(database());
      const [row] = await admin.query<{ port: string }>("select current_setting('port') as port");
      const connect = (reply: string) =>
        execFileSync(
          join(postgresBinaries() ?? "", "psql"),
          ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", `user_id=${userId}`, "-v", "module=github", "-f", CONNECT_SCRIPT],
          { input: reply, stdio: "pipe", env: { PGHOST: "127.0.0.1", PGPORT: row?.port, PGUSER: "postgres" } },
        );
      connect(JSON.stringify({ access_token: `a"\\'b`, refresh_token: "r", scope: "repo" }, null, 2));
      const stored = await admin.query(
        `select scopes, v.decrypted_secret::json ->> 'access_token' as access
         from mcpist.connections c join vault.decrypted_secrets v on v.id = c.vault_secret_id where user_id = $1::uuid`,
        [userId],
      );
      expect(stored).toEqual([{ scopes: ["repo"], access: `a"\\'b` }]);
      expect(() => connect("canary")).toThrow(/^(?![^]*canary)[^]*not one of a token endpoint/);
    });

    it("let an origin hear announcements again after its connection was lost", async () => {
      const { admin } = database();
      const listening = await startOrigin(database());
      const userId = await newUser(database(), { grants: [["lab", "read"]] });
      const runs = async () => (await resultOf(await callTool(listening, userId, "lab", "read"))).isError !== true;
      await listening.assembled.pollPermissions();
      const listeners = async () => {
        const rows = await admin.query<{ pid: number }>(
          "select pid from pg_stat_activity where query like 'listen %' and usename = 'mcpist_origin'",
        );
        return rows.map(({ pid }) => pid);
      };
      const [lost] = await listeners();
      await admin.query("select pg_terminate_backend($1::integer)", [lost ?? 0]);
      await expect
        .poll(async () => {
          await listening.assembled.pollPermissions();
          return (await listeners()).filter((pid) => pid !== lost);
        })
        .toHaveLength(1);
      expect(await runs()).toBe(true);
      await admin.query("select mcpist.revoke_tool($1::uuid, 'lab', 'read', 'test')", [userId]);
      await expect.poll(runs).toBe(false);
      await listening.stop();
    });

    it("survive fifty claims of one id at once with one winner", async () => {
      const userId = await newUser(database());
      const more = await Promise.all([database().openOrigin(), database().openOrigin()]);
      for (let round = 0; round < 5; round++) {
        const id = `0193f000-0000-7000-8000-0000000000${(0x20 + round).toString(16)}`;
        const won = await Promise.all(
          Array.from({ length: 50 }, (_, i) =>
            (more[i % 2] ?? origin).query(
              "insert into mcpist.call_claims (request_id, user_id, origin, module_id, tool_id) values ($1::uuid, $2::uuid, 'x', 'lab', 'read') on conflict (request_id) do nothing returning request_id",
              [id, userId],
            ),
          ),
        );
        expect(won.filter((rows) => rows.length === 1)).toHaveLength(1);
      }
      await Promise.all(more.map((database) => database.close()));
    });
  });
}
