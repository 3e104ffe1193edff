/**
 * Functions that run as the owner of the schema, called by whoever has a role's password: nothing that the caller puts into the session is
 * run as anybody but the caller.
 */
import pg from "pg";
import { describe, expect, it } from "vitest";
import { connectedUser, connectionOf } from "../broker.ts";
import type { TestPostgres } from "../postgres.ts";

/** Names of types that functions of ours and of the Vault mention; a domain of each stands before it where pg_temp is searched first. */
const DOMAINS =
  "jsonb text uuid timestamptz interval bool boolean int4 integer int8 bigint date bytea float8 name oid regclass";
/** Those that no domain can be made of. */
const COMPOSITES = "record void trigger connections users grants tools settings plans";

/** Remembers as whom it ran, where that is somebody else than who is logged in. */
const SPY = `
create function pg_temp.spy() returns boolean language plpgsql as $$
begin
  if current_user <> session_user then
    perform pg_catalog.set_config('attack.ran_as', current_user, false);
  end if;
  return true;
end $$;
create function pg_temp.spy_row() returns trigger language plpgsql as $$ begin perform pg_temp.spy(); return new; end $$;`;

const ATTACKS: readonly (readonly [string, string])[] = [
  [
    "domains in the place of types",
    DOMAINS.split(" ")
      .map(
        (type) =>
          `create domain pg_temp."${type}" as pg_catalog.${type === "boolean" ? "bool" : type === "integer" ? "int4" : type === "bigint" ? "int8" : type} check (pg_temp.spy());`,
      )
      .join("\n"),
  ],
  [
    "composite types in the place of types",
    COMPOSITES.split(" ")
      .map((type) => `create type pg_temp."${type}" as (x int);`)
      .join("\n"),
  ],
  [
    "tables in the place of tables, with defaults and triggers",
    [
      "users",
      "grants",
      "tools",
      "connections",
      "secrets",
      "decrypted_secrets",
      "settings",
      "changes",
      "tokens_given",
      "pg_type",
      "pg_proc",
    ]
      .map(
        (
          table,
        ) => `create temporary table "${table}" (id int default (pg_temp.spy())::int, user_id uuid, module_id text);
create trigger spy before insert or update on pg_temp."${table}" for each row execute function pg_temp.spy_row();`,
      )
      .join("\n"),
  ],
  [
    "functions in the place of functions",
    [
      "now()",
      "clock_timestamp()",
      "encode(bytea, text)",
      "sha256(bytea)",
      "convert_to(text, name)",
      "jsonb_typeof(jsonb)",
      "pg_my_temp_schema()",
      "pg_notify(text, text)",
      "gen_random_uuid()",
      "current_setting(text, boolean)",
      "to_jsonb(anyelement)",
    ]
      .map((f) => `create function pg_temp.${f} returns text language sql as $$ select pg_temp.spy()::text $$;`)
      .join("\n"),
  ],
  [
    "operators and casts",
    `create function pg_temp.yes(uuid, uuid) returns boolean language sql as $$ select pg_temp.spy() $$;
create function pg_temp.yes(text, text) returns boolean language sql as $$ select pg_temp.spy() $$;
create function pg_temp.field(jsonb, text) returns text language sql as $$ select pg_temp.spy()::text $$;
create operator pg_temp.= (leftarg = uuid, rightarg = uuid, function = pg_temp.yes);
create operator pg_temp.= (leftarg = text, rightarg = text, function = pg_temp.yes);
create operator pg_temp.->> (leftarg = jsonb, rightarg = text, function = pg_temp.field);
create type pg_temp.odd as (x text);
create function pg_temp.from_odd(pg_temp.odd) returns uuid language sql as $$ select case when pg_temp.spy() then '00000000-0000-4000-8000-000000000001'::uuid end $$;
create cast (pg_temp.odd as uuid) with function pg_temp.from_odd(pg_temp.odd) as implicit;`,
  ],
];

/** A session of its own, with something prepared in it. */
async function session(url: string, prepared: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  client.on("error", () => {});
  await client.connect();
  await client.query(SPY);
  await client.query(prepared);
  await client.query("set search_path = pg_temp, mcpist, vault, pg_catalog");
  return client;
}
const ranAs = async (client: pg.Client): Promise<unknown> =>
  (
    await client.query<{ who: string | null }>(
      "select nullif(pg_catalog.current_setting('attack.ran_as', true), '') as who",
    )
  ).rows[0]?.who;
const code = (running: Promise<unknown>): Promise<unknown> =>
  running.then(
    () => "done",
    (cause: unknown) => (cause as { code?: string }).code,
  );

export function describeDefiners(database: () => TestPostgres): void {
  describe("functions that run as the owner", () => {
    it("name pg_catalog first and pg_temp last, all of them", async () => {
      const { superuser } = database();
      const paths = await superuser.query(
        `select distinct unnest(coalesce(proconfig, array['none'])) as path from pg_proc where pronamespace = 'mcpist'::regnamespace`,
      );
      expect(paths).toEqual([{ path: "search_path=pg_catalog, pg_temp" }]);
    });

    it("are attacked by something that works: a function with an empty search path, and the Vault's own, give their owner away", async () => {
      const { admin, url } = database();
      await admin.script(`
        create schema weak; grant usage on schema weak to mcpist_broker;
        create function weak.ours() returns text language plpgsql security definer set search_path = '' as
          $$ declare x jsonb := '{}'; begin return x::pg_catalog.text; end $$;
        create function weak.vaults() returns void language sql security definer set search_path = pg_catalog, pg_temp as
          $$ select vault.update_secret(vault.create_secret('x')) $$;`);
      const domains = ATTACKS[0]?.[1] ?? "";
      for (const [call, owner] of [
        ["select weak.ours()", "postgres"],
        ["select weak.vaults()", "supabase_admin"],
      ] as const) {
        const client = await session(url("mcpist_broker"), domains);
        await code(client.query(call));
        expect(await ranAs(client)).toBe(owner);
        await client.end();
      }
      await admin.script("drop schema weak cascade");
    });

    it.each(ATTACKS)("run nothing of the broker's role: %s", async (_, prepared) => {
      const userId = await connectedUser(database(), 1);
      const client = await session(database().url("mcpist_broker"), prepared);
      const uuid = "pg_catalog.gen_random_uuid()";
      const calls = [
        `select * from mcpist.broker_open('${userId}', 'lab', null)`,
        `select * from mcpist.broker_open('${userId}', 'lab', null, ${uuid})`,
        `select * from mcpist.broker_store('${userId}', 'lab', ${uuid}, 'a', 'r', 1, 's')`,
        `select * from mcpist.broker_store('${userId}', 'lab', ${uuid}, 'canary-refresh-token', 'a', 'r', 1, 's')`,
        `select * from mcpist.broker_release('${userId}', 'lab', ${uuid}, true)`,
      ];
      const codes: unknown[] = [];
      for (const call of calls) codes.push(await code(client.query(call)));
      expect(await ranAs(client)).toBeNull();
      // Functions alone are no types: there the broker's functions run, and find their own.
      const refused = prepared.includes("create temporary table") || /create (?:type|domain)/.test(prepared);
      expect(codes.slice(0, 4)).toEqual(Array.from({ length: 4 }, () => (refused ? "42501" : "done")));
      await client.end();
      expect((await connectionOf(database(), userId))?.status).toBe("active");
    });

    it.each(ATTACKS)("run nothing of an origin's role: %s", async (_, prepared) => {
      const client = await session(database().url("mcpist_origin"), prepared);
      expect(await code(client.query("select mcpist.sweep(10)"))).toBe("done");
      expect(await ranAs(client)).toBeNull();
      await client.end();
    });

    it.each(ATTACKS)(
      "run nothing of the role of Supabase Auth, and sign-ups and deletions work: %s",
      async (_, prepared) => {
        const { admin, superuser, url } = database();
        const client = await session(url("supabase_auth_admin"), prepared);
        const id = "0a000000-0000-4000-8000-000000000001";
        const codes = [
          await code(client.query(`insert into auth.users (id) values ('${id}')`)),
          await code(client.query(`select mcpist.access_token_hook('{"claims":{}}')`)),
        ];
        expect(await superuser.query(`select plan_id from mcpist.users where user_id = '${id}'`)).toEqual([
          { plan_id: "free" },
        ]);
        await admin.query("select mcpist.grant_tool($1::uuid, 'lab', 'token', 'test')", [id]);
        await admin.query("select mcpist.connect_account($1::uuid, 'lab', '{\"access_token\":\"a\"}', '{}', null)", [
          id,
        ]);
        codes.push(await code(client.query(`delete from auth.users where id = '${id}'`)));
        expect(codes).toEqual(["done", "done", "done"]);
        expect(await superuser.query(`select 1 from mcpist.users where user_id = '${id}'`)).toEqual([]);
        expect(await superuser.query(`select 1 from vault.secrets where name like 'mcpist/${id}/%'`)).toEqual([]);
        expect(await ranAs(client)).toBeNull();
        await client.end();
      },
    );
  });
}
