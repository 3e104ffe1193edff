/**
 * What each database role can do, tried from outside: every statement on every table and column, every function, every sequence, as a
 * login of its own. Whatever is not in the lists below is refused.
 */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestPostgres } from "../postgres.ts";

/** Login, and the role that it takes as Supabase's API does; null = none. */
const LOGINS: Readonly<Record<string, readonly [login: string, role: string | null]>> = {
  mcpist_origin: ["mcpist_origin", null],
  mcpist_broker: ["mcpist_broker", null],
  supabase_auth_admin: ["supabase_auth_admin", null],
  anon: ["authenticator", "anon"],
  authenticated: ["authenticator", "authenticated"],
  service_role: ["authenticator", "service_role"],
  stranger: ["stranger", null],
};

const columns = (verb: string, table: string, names: string): readonly string[] =>
  names.split(" ").map((name) => `${verb} ${table}.${name}`);

/** Everything that is not refused. A table's select is one right; insert and update are one per column. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  mcpist_origin: [
    "select settings",
    "select plans",
    "select users",
    "select tools",
    "select grants",
    "select usage_counters",
    "select usage_monthly",
    "select call_claims",
    ...columns("insert", "usage_counters", "user_id origin window_start calls refused limited"),
    ...columns("update", "usage_counters", "calls refused limited"),
    ...columns("insert", "usage_monthly", "user_id month calls"),
    ...columns("update", "usage_monthly", "calls"),
    ...columns("insert", "call_claims", "request_id user_id origin module_id tool_id"),
    ...columns("update", "call_claims", "state finished_at result origin claimed_at expires_at"),
    ...columns(
      "insert",
      "security_events",
      "at layer event verdict severity score user_id client_id module tool name_hash request_id origin http_status count reason kid",
    ),
    "execute sight_tools(text,json)",
    "execute sweep(integer)",
  ],
  mcpist_broker: [
    ...columns("insert", "security_events", "layer event severity user_id module request_id http_status count reason"),
    "execute broker_open(uuid,text,text)",
    "execute broker_open(uuid,text,text,uuid)",
    "execute broker_release(uuid,text,uuid,boolean)",
    "execute broker_store(uuid,text,uuid,text,text,integer,text)",
    "execute broker_store(uuid,text,uuid,text,text,text,integer,text)",
  ],
  supabase_auth_admin: ["select settings", "execute access_token_hook(jsonb)"],
  anon: [],
  authenticated: [],
  // Supabase lets this role, which bypasses row-level security, read and write the Vault; it is the project's administrator.
  service_role: ["vault: select * from vault.decrypted_secrets", "vault: delete from vault.secrets"],
  stranger: [],
};

/** Before version 16 whoever may create roles may take any that is no superuser's, and Supabase Auth may create roles. */
const ALLOWED_ON_15: Readonly<Record<string, readonly string[]>> = {
  supabase_auth_admin: ["role: grant mcpist_broker to current_user"],
};

/** Statements that need more than rights on a table, or on none. */
const OTHERS: readonly string[] = [
  "vault: select * from vault.decrypted_secrets",
  "vault: delete from vault.secrets",
  "vault: update vault.secrets set secret = ''",
  "schema: create table mcpist.mine (x int)",
  "schema: create type mcpist.mine as (x int)",
  "schema: create function mcpist.mine() returns int language sql as 'select 1'",
  "schema: create table vault.mine (x int)",
  "schema: create schema mine",
  "schema: alter schema mcpist owner to current_user",
  "schema: drop schema mcpist cascade",
  "records: select * from supabase_migrations.schema_migrations",
  "records: delete from supabase_migrations.schema_migrations",
  "role: set role postgres",
  "role: set session authorization postgres",
  "role: alter role mcpist_broker bypassrls",
  "role: grant mcpist_broker to current_user",
  "role: set session_replication_role = replica",
  "file: copy (select 1) to '/tmp/mcpist-nothing'",
  "file: copy (select 1) to program 'true'",
  "file: select pg_read_file('/etc/passwd')",
];

export function describePrivileges(database: () => TestPostgres): void {
  describe("rights, tried from outside", () => {
    const clients = new Map<string, pg.Client>();
    /** Name and statement. */
    const tried: (readonly [string, string])[] = [];

    beforeAll(async () => {
      const { superuser, url } = database();
      await superuser.script("create role stranger login");
      const tables = await superuser.query<{ t: string; columns: string[] }>(
        `select c.relname as t, array_agg(a.attname::text order by a.attnum) as columns
         from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
         where c.relnamespace = 'mcpist'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f') group by 1`,
      );
      for (const { t, columns } of tables) {
        const first = columns[0] ?? "";
        tried.push(
          [`select ${t}`, `select count(*) from mcpist.${t}`],
          [`delete ${t}`, `delete from mcpist.${t} where false`],
          [`truncate ${t}`, `truncate mcpist.${t} cascade`],
          [`lock ${t}`, `lock table mcpist.${t} in access exclusive mode`],
          [`alter ${t}`, `alter table mcpist.${t} add column mine int`],
          [`index ${t}`, `create index on mcpist.${t} (${first})`],
          [`policy ${t}`, `create policy mine on mcpist.${t} using (true)`],
          [`open ${t}`, `alter table mcpist.${t} disable row level security`],
          [`drop ${t}`, `drop table mcpist.${t} cascade`],
          [
            `trigger ${t}`,
            `create trigger mine before insert on mcpist.${t} for each row execute function suppress_redundant_updates_trigger()`,
          ],
          ...columns.flatMap((column) => [
            [`insert ${t}.${column}`, `insert into mcpist.${t} (${column}) values (default)`] as const,
            [`update ${t}.${column}`, `update mcpist.${t} set ${column} = default where false`] as const,
          ]),
        );
      }
      for (const { f, call } of await superuser.query<{ f: string; call: string }>(
        `select p.proname || '(' || coalesce((select string_agg(format_type(t, null), ',' order by n)
             from unnest(p.proargtypes) with ordinality as x(t, n)), '') || ')' as f,
           format('select mcpist.%I(%s)', p.proname, (select string_agg('null::' || format_type(t, null), ', ' order by n)
             from unnest(p.proargtypes) with ordinality as x(t, n))) as call
         from pg_proc p where pronamespace = 'mcpist'::regnamespace`,
      ))
        tried.push([`execute ${f}`, call], [`replace ${f}`, `drop function mcpist.${f} cascade`]);
      for (const { s } of await superuser.query<{ s: string }>(
        "select relname as s from pg_class where relnamespace = 'mcpist'::regnamespace and relkind = 'S'",
      ))
        tried.push(
          [`next ${s}`, `select nextval('mcpist.${s}')`],
          [`set ${s}`, `select setval('mcpist.${s}', 9223372036854775807)`],
          [`read ${s}`, `select last_value from mcpist.${s}`],
        );
      tried.push(...OTHERS.map((other) => [other, other.replace(/^\w+: /, "")] as const));
      for (const [name, [login, role]] of Object.entries(LOGINS)) {
        const client = new pg.Client(url(login));
        client.on("error", () => {});
        await client.connect();
        if (role !== null) await client.query(`set role ${role}`);
        clients.set(name, client);
      }
    });
    afterAll(async () => {
      for (const client of clients.values()) await client.end();
      await database().superuser.script("drop role stranger");
    });

    /** Everything else that goes wrong with these statements goes wrong after the rights were found. */
    const isRefusal = (cause: unknown): boolean =>
      cause instanceof Error &&
      "code" in cause &&
      cause.code === "42501" &&
      !cause.message.includes("row-level security");

    it.each(Object.keys(LOGINS))("%s can do what is listed and nothing else", async (name) => {
      const client = clients.get(name);
      const done: string[] = [];
      for (const [what, statement] of tried) {
        await client?.query("begin");
        const error: unknown = await client?.query(statement).then(
          () => null,
          (cause: unknown) => cause,
        );
        await client?.query("rollback");
        if (!isRefusal(error)) done.push(what);
      }
      expect(tried.length).toBeGreaterThan(300);
      const [server] = await database().superuser.query<{ major: number }>(
        "select current_setting('server_version_num')::int / 10000 as major",
      );
      const more = server?.major === 15 ? (ALLOWED_ON_15[name] ?? []) : [];
      expect(done.sort()).toEqual([...(ALLOWED[name] ?? []), ...more].sort());
    });

    const forgeries: readonly (readonly [string, string, string])[] = [
      [
        "an event of the gateway",
        "mcpist_origin",
        "insert into mcpist.security_events (layer, event, severity) values ('gateway', 'x', 'info')",
      ],
      [
        "an event of the broker",
        "mcpist_origin",
        "insert into mcpist.security_events (layer, event, severity) values ('broker', 'x', 'info')",
      ],
      [
        "an event of an origin",
        "mcpist_broker",
        "insert into mcpist.security_events (layer, event, severity) values ('origin', 'x', 'info')",
      ],
      [
        "an event of the year 9999",
        "mcpist_origin",
        "insert into mcpist.security_events (at, layer, event, severity) values ('9999-01-01', 'origin', 'x', 'info')",
      ],
      [
        "an event of next minute",
        "mcpist_origin",
        "insert into mcpist.security_events (at, layer, event, severity) values (now() + interval '1 minute', 'origin', 'x', 'info')",
      ],
      [
        "an event of last week",
        "mcpist_origin",
        "insert into mcpist.security_events (at, layer, event, severity) values (now() - interval '7 days', 'origin', 'x', 'info')",
      ],
      [
        "an event with the next id",
        "mcpist_origin",
        "insert into mcpist.security_events (id, layer, event, severity) overriding system value values (9000, 'origin', 'x', 'info')",
      ],
      [
        "an event with the next id",
        "mcpist_broker",
        "insert into mcpist.security_events (id, layer, event, severity) overriding system value values (9000, 'broker', 'x', 'info')",
      ],
      [
        "an event of another time",
        "mcpist_broker",
        "insert into mcpist.security_events (at, layer, event, severity) values (now(), 'broker', 'x', 'info')",
      ],
      [
        "a claim that never ends",
        "mcpist_origin",
        "insert into mcpist.call_claims (request_id, user_id, origin, module_id, tool_id, expires_at) values (gen_random_uuid(), gen_random_uuid(), 'x', 'lab', 'read', 'infinity')",
      ],
      [
        "counts of the year 9999",
        "mcpist_origin",
        "insert into mcpist.usage_counters (user_id, origin, window_start) values (gen_random_uuid(), 'x', '9999-01-01')",
      ],
      [
        "counts of last year",
        "mcpist_origin",
        "insert into mcpist.usage_counters (user_id, origin, window_start) values (gen_random_uuid(), 'x', now() - interval '1 year')",
      ],
      [
        "a month of the year 9999",
        "mcpist_origin",
        "insert into mcpist.usage_monthly (user_id, month) values (gen_random_uuid(), '9999-01-01')",
      ],
    ];
    it.each(forgeries)("refuse %s by %s", async (_, name, statement) => {
      await expect(clients.get(name)?.query(statement)).rejects.toMatchObject({ code: "42501" });
    });

    it("refuse to let a claim that is there never end", async () => {
      const client = clients.get("mcpist_origin");
      await client?.query(
        "insert into mcpist.call_claims (request_id, user_id, origin, module_id, tool_id) values ('0193f000-0000-7000-8000-00000000eeee', gen_random_uuid(), 'x', 'lab', 'read')",
      );
      await expect(
        client?.query(
          "update mcpist.call_claims set expires_at = '9999-01-01' where request_id = '0193f000-0000-7000-8000-00000000eeee'",
        ),
      ).rejects.toMatchObject({ code: "42501" });
    });

    it.each([
      ["security event", "insert into mcpist.security_events (layer, event, severity) values ('origin', $1, 'info')"],
      [
        "claim",
        "insert into mcpist.call_claims (request_id, user_id, origin, module_id, tool_id) values (gen_random_uuid(), gen_random_uuid(), $1, 'lab', 'read')",
      ],
      [
        "counter",
        "insert into mcpist.usage_counters (user_id, origin, window_start) values (gen_random_uuid(), $1, now())",
      ],
    ])("refuse a %s of a megabyte", async (_, statement) => {
      await expect(clients.get("mcpist_origin")?.query(statement, ["x".repeat(1_000_000)])).rejects.toMatchObject({
        code: "23514",
      });
    });

    it("leave everybody's right to execute functions as it was, for those who share the database", async () => {
      const { admin, superuser } = database();
      expect(await superuser.query("select * from pg_default_acl where defaclnamespace = 0")).toEqual([]);
      await admin.script("create schema theirs; grant usage on schema theirs to public");
      await admin.script("create function theirs.helper() returns int language sql as 'select 7'");
      const { rows } = (await clients.get("stranger")?.query("select theirs.helper() as seven")) ?? {};
      expect(rows).toEqual([{ seven: 7 }]);
      await admin.script("drop schema theirs cascade");
    });

    it("tell whoever listens that somebody's permissions changed, and not whose", async () => {
      const { admin } = database();
      const heard: (string | undefined)[] = [];
      const stranger = clients.get("stranger");
      stranger?.on("notification", ({ payload }) => heard.push(payload));
      await stranger?.query("listen mcpist_permissions");
      await admin.query(
        "select mcpist.set_status('00000000-0000-4000-8000-000000000001', status) from (values ('suspended'), ('active')) as v(status)",
      );
      await expect.poll(() => heard.length).toBeGreaterThan(0);
      expect([...new Set(heard)]).toEqual(["11e594f481958c10"]);
      await stranger?.query("unlisten *");
    });
  });
}
