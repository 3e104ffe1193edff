/** The schema: migrations, the functions that operators use, and that the drizzle description says the same as the database. */
import { getTableConfig, PgTable } from "drizzle-orm/pg-core";
import { describe, expect, it } from "vitest";
import { migrate } from "../../../supabase/migrate/apply.ts";
import { readMigrations } from "../../../supabase/migrate/files.ts";
import { addTools, readSeed } from "../../database/migrations.ts";
import * as schema from "../../database/schema.ts";
import { createRegistry } from "../../modules/registry.ts";
import { createLog } from "../../telemetry/log.ts";
import type { TestDatabase } from "../database.ts";
import { testModules } from "../modules.ts";
import { newUser } from "../origin.ts";

export function describeDatabase(database: () => TestDatabase): void {
  const version = async (userId: string): Promise<number> => {
    const [row] = await database().admin.query<{ v: number }>(
      "select permissions_version::int as v from mcpist.users where user_id = $1::uuid",
      [userId],
    );
    return row?.v ?? 0;
  };

  describe("migrations", () => {
    it("are recorded as the Supabase CLI does, and applied once", async () => {
      const { admin } = database();
      const recorded = await admin.query<{ version: string; name: string }>(
        "select version, name from supabase_migrations.schema_migrations order by version",
      );
      expect(recorded).toEqual((await readMigrations()).map(({ version, name }) => ({ version, name })));
      expect(await migrate(admin)).toEqual([]);
    });

    it("say in their header what they are for and how to go back", async () => {
      for (const { name, text } of await readMigrations())
        expect([name, text.startsWith("-- Purpose: "), text.includes("-- Way back: ")]).toEqual([name, true, true]);
    });

    it("leave row-level security on for every table, and nothing for the API roles", async () => {
      const { admin } = database();
      const open = await admin.query(
        "select relname from pg_class where relnamespace = 'mcpist'::regnamespace and relkind = 'r' and not relrowsecurity",
      );
      expect(open).toEqual([]);
      const rights = await admin.query(
        `select c.relname, r.rolname from pg_class c, pg_roles r
         where c.relnamespace = 'mcpist'::regnamespace and c.relkind = 'r' and r.rolname in ('anon', 'authenticated', 'service_role')
           and has_table_privilege(r.oid, c.oid, 'select, insert, update, delete, truncate')`,
      );
      expect(rights).toEqual([]);
      const functions = await admin.query(
        `select p.proname, r.rolname from pg_proc p, pg_roles r
         where p.pronamespace = 'mcpist'::regnamespace and r.rolname in ('anon', 'authenticated', 'service_role')
           and has_function_privilege(r.oid, p.oid, 'execute')`,
      );
      expect(functions).toEqual([]);
    });

    it("give every function a fixed search path", async () => {
      const loose = await database().admin.query(
        `select proname from pg_proc where pronamespace = 'mcpist'::regnamespace and not coalesce(proconfig, '{}') @> array['search_path=pg_catalog, pg_temp']`,
      );
      expect(loose).toEqual([]);
    });

    it("let nobody run a thing of theirs as the owner: a type of the caller's own in the place of PostgreSQL's", async () => {
      const { admin, kind } = database();
      // On a server each role logs in by itself (definers.ts); here one session plays them.
      expect(["pglite", "postgres"]).toContain(kind);
      if (kind !== "pglite") return;
      await admin.script(`
        create function pg_temp.spy() returns boolean language plpgsql as
          $$ begin if current_user = 'postgres' then perform set_config('attack.hit', 'yes', false); end if; return true; end $$;
        create domain pg_temp.timestamptz as pg_catalog.timestamptz check (pg_temp.spy());
        create domain pg_temp.jsonb as pg_catalog.jsonb check (pg_temp.spy());
        create function public.weak() returns void language plpgsql security definer set search_path = '' as
          $$ declare x jsonb := '{}'; begin end $$;`);
      const hit = async () => (await admin.query("select current_setting('attack.hit', true) as hit"))[0];
      try {
        await admin.script("set role mcpist_origin");
        await admin.query("select mcpist.sweep()");
        await admin.script("set role mcpist_broker");
        await expect(
          admin.query("select * from mcpist.broker_open(gen_random_uuid(), 'lab', null, null)"),
        ).rejects.toMatchObject({ code: "42501" });
        expect(await hit()).not.toEqual({ hit: "yes" });
        // The attack works where a function leaves its path empty.
        await admin.query("select public.weak()");
        expect(await hit()).toEqual({ hit: "yes" });
      } finally {
        await admin.script("reset role");
        await admin.script(
          "drop domain pg_temp.timestamptz, pg_temp.jsonb; drop function public.weak(), pg_temp.spy()",
        );
      }
    });

    it("find the seed's tools in the registry, apart from the decoy, and users without a double", async () => {
      const { admin } = database();
      expect(await addTools(admin, createRegistry(testModules({ fetch })))).toBe(0);
      await admin.script(await readSeed());
      const [counts] = await admin.query(
        `select (select count(*)::int from mcpist.users where user_id::text like '00000000-0000-4000-8000-%') as users,
           (select count(*)::int from mcpist.grants where granted_by = 'seed') as grants,
           (select string_agg(tool_id, ',') from mcpist.tools where decoy) as decoys`,
      );
      expect(counts).toEqual({ users: 60, grants: 270, decoys: "set_system_clock" });
    });
  });

  describe("drizzle schema", () => {
    it("has exactly the tables, columns, types, nullability and keys of the database", async () => {
      const columns = await database().admin.query<{
        t: string;
        c: string;
        type: string;
        required: boolean;
        key: boolean;
      }>(
        `select c.relname as t, a.attname as c, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required,
           coalesce(a.attnum = any(k.conkey), false) as key
         from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
         left join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
         where c.relnamespace = 'mcpist'::regnamespace and c.relkind = 'r'`,
      );
      const described = Object.values(schema)
        .filter((value) => value instanceof PgTable)
        .flatMap((table) => {
          const { name, columns, primaryKeys } = getTableConfig(table as PgTable);
          const composite = new Set(primaryKeys.flatMap((key) => key.columns.map((column) => column.name)));
          return columns.map((column) => ({
            t: name,
            c: column.name,
            type: column.getSQLType(),
            required: column.notNull,
            key: column.primary || composite.has(column.name),
          }));
        });
      const sorted = (rows: readonly { t: string; c: string }[]) => rows.map((row) => JSON.stringify(row)).sort();
      expect(sorted(described)).toEqual(sorted(columns));
    });
  });

  describe("functions for operators", () => {
    it("grant, revoke and grant again, and raise the user's version each time", async () => {
      const { admin } = database();
      const userId = await newUser(database());
      const state = async () =>
        (
          await admin.query(
            "select revoked_at is null as live, revoked_by, granted_by from mcpist.grants where user_id = $1::uuid",
            [userId],
          )
        )[0];
      expect(await version(userId)).toBe(1);
      await admin.query("select mcpist.grant_tool($1::uuid, 'lab', 'read', 'ann')", [userId]);
      expect([await state(), await version(userId)]).toEqual([{ live: true, revoked_by: null, granted_by: "ann" }, 2]);
      await admin.query("select mcpist.grant_tool($1::uuid, 'lab', 'read', 'ben')", [userId]);
      expect([await state(), await version(userId)]).toEqual([{ live: true, revoked_by: null, granted_by: "ann" }, 2]);
      await admin.query("select mcpist.revoke_tool($1::uuid, 'lab', 'read', 'ben')", [userId]);
      expect([await state(), await version(userId)]).toEqual([
        { live: false, revoked_by: "ben", granted_by: "ann" },
        3,
      ]);
      await admin.query("select mcpist.grant_tool($1::uuid, 'lab', 'read', 'cat')", [userId]);
      expect([await state(), await version(userId)]).toEqual([{ live: true, revoked_by: null, granted_by: "cat" }, 4]);
    });

    it("grant a whole module without what is switched off", async () => {
      const { admin } = database();
      const userId = await newUser(database());
      await admin.query("select mcpist.set_tool_enabled('notion', 'search', false)");
      const [row] = await admin.query<{ granted: number }>(
        "select mcpist.grant_module($1::uuid, 'notion', 'ann') as granted",
        [userId],
      );
      await admin.query("select mcpist.set_tool_enabled('notion', 'search', true)");
      expect(row?.granted).toBe(3);
      await expect(admin.query("select mcpist.grant_module($1::uuid, 'nothing', 'ann')", [userId])).rejects.toThrow(
        /no tool/,
      );
    });

    it("raise the version when the plan, the status, a granted tool or the plan itself changes, and not for others", async () => {
      const { admin } = database();
      const [userId, other] = [
        await newUser(database(), { plan: "free", grants: [["lab", "read"]] }),
        await newUser(database()),
      ];
      const before = await version(other);
      await admin.query("select mcpist.set_plan($1::uuid, 'starter')", [userId]);
      expect(await version(userId)).toBe(3);
      await admin.query("select mcpist.set_status($1::uuid, 'suspended')", [userId]);
      expect(await version(userId)).toBe(4);
      await admin.query("select mcpist.set_tool_enabled('lab', 'read', false)");
      expect(await version(userId)).toBe(5);
      await admin.query("select mcpist.set_tool_enabled('lab', 'read', true)");
      await admin.query("update mcpist.plans set per_minute = 61 where id = 'starter'");
      expect(await version(userId)).toBe(7);
      await admin.query("update mcpist.plans set per_minute = 60 where id = 'starter'");
      expect(await version(other)).toBe(before);
    });

    it("record who changed what, also what was changed by hand, and not what only touched a row", async () => {
      const { admin } = database();
      const userId = await newUser(database());
      await admin.query("select mcpist.set_plan($1::uuid, 'starter', 'ann')", [userId]);
      await admin.query("select mcpist.set_status($1::uuid, 'suspended')", [userId]);
      await admin.query("select mcpist.grant_tool($1::uuid, 'lab', 'read', 'ben')", [userId]);
      await admin.query("select mcpist.revoke_tool($1::uuid, 'lab', 'read', 'cat')", [userId]);
      await admin.query("update mcpist.grants set revoked_at = null, revoked_by = null where user_id = $1::uuid", [
        userId,
      ]);
      await admin.query("update mcpist.users set updated_at = now() where user_id = $1::uuid", [userId]);
      await admin.query("update mcpist.users set plan_id = 'free' where user_id = $1::uuid", [userId]);
      await admin.query("delete from mcpist.users where user_id = $1::uuid", [userId]);
      const [who] = await admin.query<{ me: string }>("select session_user::text as me");
      const me = who?.me;
      const changes = await admin.query<{ subject: string }>(
        `select changed_by as by, db_role as role, subject, before->>'plan_id' as was, after->>'plan_id' as plan, after->>'status' as status
         from mcpist.changes where coalesce(after, before)->>'user_id' = $1 and not (before is null and subject = 'users') order by id`,
        [userId],
      );
      const user = { role: me, subject: "users" };
      const grant = { role: me, subject: "grants", was: null, plan: null, status: null };
      expect(changes.slice(0, 6)).toEqual([
        { by: "ann", ...user, was: "unlimited", plan: "starter", status: "active" },
        { by: me, ...user, was: "starter", plan: "starter", status: "suspended" },
        { by: "ben", ...grant },
        { by: "cat", ...grant },
        { by: me, ...grant },
        { by: me, ...user, was: "starter", plan: "free", status: "suspended" },
      ]);
      expect(
        changes
          .slice(6)
          .map(({ subject }) => subject)
          .sort(),
      ).toEqual(["grants", "users"]);
    });

    const mistakes: readonly (readonly [string, string])[] = [
      ["a grant for nobody", "select mcpist.grant_tool('11111111-1111-4111-8111-111111111111', 'lab', 'read', 'ann')"],
      ["a grant of an unknown tool", "select mcpist.grant_tool($1::uuid, 'lab', 'nothing', 'ann')"],
      ["a grant of a decoy", "select mcpist.grant_tool($1::uuid, 'time', 'set_system_clock', 'ann')"],
      ["a revocation of nothing", "select mcpist.revoke_tool($1::uuid, 'lab', 'read', 'ann')"],
      ["an unknown plan", "select mcpist.set_plan($1::uuid, 'gold')"],
      ["an unknown status", "select mcpist.set_status($1::uuid, 'gone')"],
      ["a plan for nobody", "select mcpist.set_plan('11111111-1111-4111-8111-111111111111', 'pro')"],
      ["a decoy that is switched on", "select mcpist.set_tool_enabled('time', 'set_system_clock', true)"],
      ["a limit that the ring cannot hold", "insert into mcpist.plans (id, per_minute) values ('big', 121)"],
      ["a decoy with a strange name", "select mcpist.add_decoy('time', 'a b')"],
      ["a deletion of the plan that sign-ups get", "delete from mcpist.plans where id = 'free'"],
      ["another name for the plan that sign-ups get", "update mcpist.plans set id = 'gratis' where id = 'free'"],
    ];
    it.each(mistakes)("refuse %s", async (_, sql) => {
      const userId = await newUser(database());
      await expect(database().admin.query(sql, sql.includes("$1") ? [userId] : [])).rejects.toThrow();
    });

    it("take an event that an origin could not write for two days, and date it a day ago", async () => {
      const origin = await database().openOrigin();
      let now = 0;
      const log = createLog({
        origin: "late",
        line: () => {},
        database: origin,
        wallClock: () => new Date(0),
        now: () => now,
        onWritten: () => {},
      });
      log.record({ event: "db_unavailable", severity: "error", requestId: null });
      now = 2 * 86_400_000;
      await log.flush();
      expect(
        await database().admin.query(
          "select round(extract(epoch from now() - at) / 3600)::int as hours from mcpist.security_events where origin = 'late'",
        ),
      ).toEqual([{ hours: 24 }]);
      await origin.close();
    });

    it("sweep what is dated far ahead: claims and counters go, events and given tokens get a date that ends", async () => {
      const { admin } = database();
      const userId = await newUser(database());
      await admin.script(`
        insert into mcpist.call_claims (request_id, user_id, origin, module_id, tool_id, expires_at) values
          ('0193f000-0000-7000-8000-00000000cccc', '${userId}', 'x', 'lab', 'read', 'infinity');
        insert into mcpist.usage_counters (user_id, origin, window_start, calls) values ('${userId}', 'ahead', '9999-01-01', 1);
        insert into mcpist.usage_monthly (user_id, month, calls) values ('${userId}', '9999-01-01', 1);
        insert into mcpist.security_events (at, layer, event, severity, origin) values ('9999-01-01', 'origin', 'tool_refused', 'warn', 'ahead')`);
      for (let left = 1; left > 0;) left = (await admin.query<{ n: number }>("select mcpist.sweep() as n"))[0]?.n ?? 0;
      expect(
        await admin.query(
          `select (select count(*)::int from mcpist.call_claims where user_id = $1::uuid) as claims,
             (select count(*)::int from mcpist.usage_counters where user_id = $1::uuid) as counters,
             (select count(*)::int from mcpist.usage_monthly where user_id = $1::uuid) as months,
             (select count(*)::int from mcpist.security_events where origin = 'ahead' and at <= now()) as events`,
          [userId],
        ),
      ).toEqual([{ claims: 0, counters: 0, months: 0, events: 1 }]);
    });

    it("sweep what retention says, and nothing younger", async () => {
      const { admin } = database();
      const userId = await newUser(database());
      await admin.script(`
        insert into mcpist.call_claims (request_id, user_id, origin, module_id, tool_id, expires_at) values
          ('0193f000-0000-7000-8000-00000000aaaa', '${userId}', 'x', 'lab', 'read', now() - interval '1 second'),
          ('0193f000-0000-7000-8000-00000000bbbb', '${userId}', 'x', 'lab', 'read', now() + interval '1 minute');
        insert into mcpist.usage_counters (user_id, origin, window_start, calls) values
          ('${userId}', 'old', now() - interval '36 days', 1), ('${userId}', 'new', now() - interval '34 days', 1);
        insert into mcpist.security_events (at, layer, event, severity, origin) values
          (now() - interval '91 days', 'origin', 'tool_refused', 'warn', 'sweep'), (now() - interval '89 days', 'origin', 'tool_refused', 'warn', 'sweep');`);
      const batches: number[] = [];
      for (;;) {
        const [row] = await admin.query<{ n: number }>("select mcpist.sweep(1) as n");
        if (!row?.n) break;
        batches.push(row.n);
      }
      expect(batches.length).toBeGreaterThan(0);
      const [left] = await admin.query(
        `select (select count(*)::int from mcpist.call_claims where user_id = $1::uuid) as claims,
           (select string_agg(origin, ',') from mcpist.usage_counters where user_id = $1::uuid) as counters,
           (select count(*)::int from mcpist.security_events where origin = 'sweep') as events`,
        [userId],
      );
      expect(left).toEqual({ claims: 1, counters: "new", events: 1 });
    });
  });

  describe("access token hook", () => {
    const hook = async (claims: object): Promise<Record<string, unknown>> => {
      const [row] = await database().admin.query<{ e: Record<string, unknown> }>(
        "select mcpist.access_token_hook($1::jsonb) as e",
        [JSON.stringify({ user_id: "x", claims })],
      );
      return row?.e ?? {};
    };
    it("binds tokens of OAuth clients to the resource, leaves web sign-ins alone, and gives no token without a resource", async () => {
      const { admin } = database();
      const web = { aud: "authenticated", sub: "1" };
      expect(await hook(web)).toMatchObject({ claims: web });
      expect(await hook({ ...web, client_id: "c" })).toMatchObject({ error: { http_code: 500 } });
      await admin.query(
        "insert into mcpist.settings (key, value) values ('resource_url', 'https://mcp.example.com/mcp')",
      );
      expect(await hook({ ...web, client_id: "c" })).toMatchObject({
        claims: { aud: "https://mcp.example.com/mcp", sub: "1", client_id: "c" },
      });
      expect(await hook({ ...web, client_id: "" })).toMatchObject({ claims: { aud: "authenticated" } });
      await admin.query("delete from mcpist.settings where key = 'resource_url'");
    });
  });
}
