/** `mcpist db` against an embedded PostgreSQL: what it applies, and what it says of everything that can be wrong. */
import { readFile } from "node:fs/promises";
import { PGlite } from "@electric-sql/pglite";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../origin/database/database.ts";
import { fromPglite } from "../../origin/database/embedded.ts";
import { emptyPglite } from "../../origin/test/kept.ts";
import { builtIn, createRegistry } from "../../origin/modules/registry.ts";
import { explain, lineOf } from "../../supabase/migrate/explain.ts";
import { BUILT_IN_TOOLS, readMigrations } from "../../supabase/migrate/files.ts";
import type { Context } from "../context.ts";
import type { ExitCode } from "../errors.ts";
import { run } from "../program.ts";
import { testContext } from "../test/test-context.ts";
import type { OpenDatabase } from "../targets/postgres.ts";
import { dbMigrate } from "./db-migrate.ts";
import { dbStatus } from "./db-status.ts";

const FLAGS = { config: "mcpist.config.ts", json: false, yes: false, debug: false };
const VAULT = await readFile(new URL("../../supabase/local/vault.sql", import.meta.url), "utf8");

describe("mcpist db", () => {
  let database: Database | null = null;
  // Making a PostgreSQL costs more than four times what a copy of one costs.
  let empty: Blob;
  let migrated: Blob;
  beforeAll(async () => {
    const template = await emptyPglite();
    await template.exec(`create schema auth; create table auth.users (id uuid primary key); ${VAULT}`);
    empty = await template.dumpDataDir("none");
    await commandsAt(fromPglite(template)).call(dbMigrate);
    await template.exec("alter role mcpist_origin login; alter role mcpist_broker login");
    migrated = await template.dumpDataDir("none");
    await template.close();
  });
  afterEach(async () => {
    await database?.close();
    database = null;
  });

  type Command = (context: Context, flags: typeof FLAGS, open: OpenDatabase) => Promise<ExitCode>;
  /** The two commands at a database. */
  function commandsAt(opened: Database) {
    const open: OpenDatabase = async () => ({
      query: (text, parameters) => opened.query(text, parameters),
      script: (text) => opened.script(text),
      close: async () => {},
    });
    const call = async (command: Command, json = false) => {
      const context = testContext();
      const code = await command(context, { ...FLAGS, json }, open).catch((cause: unknown) => cause);
      return { code, out: context.out(), err: context.err() };
    };
    return { call, script: (text: string) => opened.script(text), query: (text: string) => opened.query(text) };
  }
  const copyOf = async (loadDataDir: Blob) => commandsAt((database = fromPglite(await PGlite.create({ loadDataDir }))));
  /** A database without our schema, and one that `mcpist db migrate` has made and that its roles can log in to. */
  const fresh = () => copyOf(empty);
  const ready = () => copyOf(migrated);

  it("migrates step by step, says what it did, and has nothing to do the second time", async () => {
    const { call, script, query } = await fresh();
    const before = await call(dbStatus);
    const count = (await readMigrations()).length;
    expect(before.code).toBe(3);
    expect(before.out).toContain(
      `off       ${count} of ${count} migrations are not applied\n          → mcpist db migrate`,
    );
    await script("insert into auth.users select gen_random_uuid() from generate_series(1, 20500)");
    const first = await call(dbMigrate);
    await script("alter role mcpist_origin login; alter role mcpist_broker login");
    expect([first.code, first.out]).toEqual([
      0,
      `done  applied ${count} migrations; added 12 tools, granted to nobody; admitted 20500 accounts\n`,
    ]);
    // In batches, before the step that would admit all of them at once.
    expect(first.err.match(/^admitted \d+ accounts$/gm)).toEqual([
      "admitted 20000 accounts",
      "admitted 20500 accounts",
    ]);
    expect(await query("select count(*)::int as n from mcpist.users")).toEqual([{ n: 20_500 }]);
    expect(await call(dbMigrate)).toMatchObject({ code: 0, out: "done  up to date\n" });
    const after = await call(dbStatus);
    expect([after.code, after.out.split("\n").slice(1)]).toEqual([
      0,
      [
        `schema    ${count} of ${count} migrations, last ${(await readMigrations()).at(-1)?.version}_${(await readMigrations()).at(-1)?.name}`,
        "ok        nothing is missing",
        "",
      ],
    ]);
    const json = JSON.parse((await call(dbStatus, true)).out) as {
      ok: boolean;
      findings: unknown[];
      pending: unknown[];
    };
    expect(json).toMatchObject({ command: "db status", ok: true, exitCode: 0, findings: [], pending: [] });
  });

  const wrong: readonly (readonly [string, string, string, string, number])[] = [
    [
      "the plan of sign-ups",
      "alter table mcpist.plans disable trigger keep_free; delete from mcpist.plans where id = 'free'; alter table mcpist.plans enable trigger keep_free",
      'the plan "free" is missing: whoever signs up gets no row',
      "put back the plan free",
      0,
    ],
    [
      "a trigger on accounts",
      "drop trigger mcpist_sign_up on auth.users",
      "a trigger of ours on auth.users is missing or disabled",
      "put back the trigger mcpist_sign_up",
      0,
    ],
    [
      "rows of accounts",
      "insert into auth.users values (gen_random_uuid()), (gen_random_uuid()); delete from mcpist.users",
      "2 accounts have no row here",
      "admitted 2 accounts",
      0,
    ],
    [
      "a tool",
      "delete from mcpist.tools where tool_id = 'now'",
      "1 tools of this version cannot be granted yet",
      "added 1 tools",
      0,
    ],
    [
      "a step between others",
      "delete from supabase_migrations.schema_migrations where version = '20261127000009'",
      "20261127000009_record_changes was left out although",
      "20261127000009_record_changes was left out although",
      3,
    ],
    [
      "the owner's role",
      "grant select on supabase_migrations.schema_migrations to mcpist_origin; grant usage on schema supabase_migrations to mcpist_origin; set role mcpist_origin",
      'this is role "mcpist_origin", and schema mcpist belongs to "postgres"',
      'this is role "mcpist_origin", and schema mcpist belongs to "postgres"',
      3,
    ],
  ];
  it.each(wrong)(
    "says in one sentence that %s is missing, and mends what it can",
    async (_, sql, says, then, exitCode) => {
      const { call, script } = await ready();
      await script(sql);
      const { code, out } = await call(dbStatus);
      expect([code, out.split("\n").filter((line) => line.startsWith("off")).length]).toEqual([3, 1]);
      expect(out).toContain(`off       ${says}`);
      const answer = await call(dbMigrate);
      if (exitCode === 0) {
        expect([answer.code, answer.out]).toEqual([0, expect.stringContaining(then) as unknown]);
        expect((await call(dbStatus)).code).toBe(0);
      } else {
        expect(answer.code).toMatchObject({ code: "ERR_REFUSED", exitCode });
        expect(String(answer.code)).toContain(then);
      }
      await script("reset role");
    },
  );

  it.each([
    [
      "a function's search path",
      "alter function mcpist.sweep(integer) set search_path = ''",
      "the search path of mcpist.sweep(integer) is not the fixed one",
    ],
    [
      "row-level security",
      "alter table mcpist.users disable row level security",
      "row-level security is off for users",
    ],
    ["a login", "alter role mcpist_broker nologin", "mcpist_broker cannot log in"],
    ["the Vault", "drop schema vault cascade", "there is no Vault"],
  ])("says in one sentence that %s is not as it should be", async (_, sql, says) => {
    const { call, script } = await ready();
    await script(sql);
    const { code, out } = await call(dbStatus);
    expect([
      code,
      out
        .split("\n")
        .filter((line) => line.startsWith("off"))
        .map((line) => line.slice(10)),
    ]).toEqual([3, [expect.stringContaining(says)]]);
  });

  it("lets whoever signs up while the plan is missing sign up, and admits them when it is back", async () => {
    const { call, script, query } = await ready();
    await script(
      "alter table mcpist.plans disable trigger keep_free; delete from mcpist.plans where id = 'free'; alter table mcpist.plans enable trigger keep_free",
    );
    await script("insert into auth.users values ('11111111-1111-4111-8111-111111111111')");
    expect(await query("select * from mcpist.users")).toEqual([]);
    expect((await call(dbMigrate)).out).toBe("done  up to date; admitted 1 accounts; put back the plan free\n");
    expect(await query("select plan_id from mcpist.users")).toEqual([{ plan_id: "free" }]);
  });

  it("numbers and dates anew what a role had written to suppress later events", async () => {
    const { call, script, query } = await fresh();
    await script(
      "create schema supabase_migrations; create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);",
    );
    for (const { version, name, text } of await readMigrations()) {
      if (version > "20261127000011") break;
      await script(
        `${text}\n; insert into supabase_migrations.schema_migrations (version, name) values ('${version}', '${name}')`,
      );
    }
    await script(`
      insert into mcpist.security_events (layer, event, severity) values ('origin', 'before', 'info');
      insert into mcpist.security_events (id, at, layer, event, severity) overriding system value values
        (2, now(), 'gateway', 'taken', 'info'), (3, '9999-01-01', 'gateway', 'taken', 'info'), (9223372036854775807, now(), 'gateway', 'taken', 'info')`);
    expect((await call(dbMigrate)).code).toBe(0);
    await script("insert into mcpist.security_events (layer, event, severity) values ('origin', 'after', 'info')");
    expect(
      await query("select id::int as id, event, at <= now() as past from mcpist.security_events order by id"),
    ).toEqual([
      { id: 1, event: "before", past: true },
      { id: 2, event: "taken", past: true },
      { id: 3, event: "taken", past: true },
      { id: 4, event: "taken", past: true },
      { id: 5, event: "after", past: true },
    ]);
  });

  it("names the step that failed, why, and what was kept", async () => {
    const { call, script, query } = await fresh();
    await script("create table public.x (x int); create schema mcpist; create table mcpist.settings (mine int)");
    const { code, err } = await call(dbMigrate);
    expect(err).toMatch(/^failed {2}20261122000001_create_roles \(/m);
    expect(code).toMatchObject({
      code: "ERR_VENDOR",
      exitCode: 1,
      message: expect.stringMatching(
        /^20261122000001_create_roles\.sql(?:, line \d+)?: something of that name is there already, made by hand or by another program \(schema "mcpist" already exists\); nothing of this step was kept$/,
      ) as unknown,
    });
    expect(await query("select * from supabase_migrations.schema_migrations")).toEqual([]);
  });

  it("says that steps before the one that failed were kept, and goes on there", async () => {
    const { call, script } = await fresh();
    await script("create role mcpist_origin nologin");
    await script(
      "create schema supabase_migrations; create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text)",
    );
    await script(
      "create function public.no() returns event_trigger language plpgsql as $$ begin if current_query() like '%usage_monthly_month%' then raise exception 'not today'; end if; end $$; create event trigger no on ddl_command_end execute function public.no()",
    );
    const stopped = await call(dbMigrate);
    expect(stopped.code).toMatchObject({ code: "ERR_PARTIAL", exitCode: 5, hint: "mcpist db status" });
    expect(String(stopped.code)).toContain(
      "20261127000010_sweep_in_batches.sql: not today (P0001); nothing of this step was kept",
    );
    await script("drop event trigger no");
    expect((await call(dbMigrate)).code).toBe(0);
  });

  it.each([
    [{}, "DATABASE_URL is not set"],
    [{ DATABASE_URL: "mysql://canary" }, "DATABASE_URL must be a postgres:// URL without white space"],
    [{ DATABASE_URL: "postgres://canary:canary@db.example.com/x" }, "DATABASE_URL must say sslmode=verify-full"],
    [
      { DATABASE_URL: "postgres://canary:canary@db.example.com/x?sslmode=verify-full&sslrootcert=/nowhere/canary" },
      "DATABASE_URL names a file in sslrootcert that cannot be read here",
    ],
    [{ DATABASE_URL: "postgres://canary:canary@127.0.0.1:1/x" }, "nothing listens at the database's address"],
  ])("says what is wrong with the address %j without repeating it", async (env, says) => {
    const context = testContext({ env });
    const code = await run(["db", "status"], context);
    expect(code).toBe(says.startsWith("nothing") ? 1 : 2);
    expect(context.err()).toContain(`error: ${says}`);
    expect(context.err()).not.toContain("canary");
  });

  it("registers exactly the tools that are built in", () => {
    const registry = createRegistry(builtIn({ environment: "", upstreams: {}, httpStatusHosts: [], fetch }));
    const tools = [...registry.values()].flatMap(({ name, tools }) =>
      [...tools.keys()].map((tool) => `${name} ${tool}`),
    );
    expect(BUILT_IN_TOOLS.map((pair) => pair.join(" ")).sort()).toEqual(tools.sort());
  });
});

describe("reasons of a database", () => {
  it.each([
    [
      { code: "42501", message: "permission denied for schema mcpist" },
      'role "x" may not do this: use the owner\'s address (on Supabase, of "postgres")',
    ],
    [
      { code: "28P01", message: 'password authentication failed for user "canary"' },
      "the database refused the password",
    ],
    [
      { code: "55P03", message: "canceling statement due to lock timeout" },
      "somebody holds a table that it changes: run it again",
    ],
    [
      { code: "57P01", message: "terminating" },
      "the database ended the connection, as in a restart or a failover: run it again",
    ],
    [{ code: "ENOTFOUND", message: "getaddrinfo ENOTFOUND canary" }, "the database's host name cannot be resolved"],
    [
      { code: "DEPTH_ZERO_SELF_SIGNED_CERT", message: "self-signed certificate" },
      "the certificate of the database was not accepted: sslrootcert names its authority",
    ],
    [{ message: "timeout expired" }, "the database does not answer in time"],
    [
      { code: "42P07", message: 'relation "users" already exists' },
      'something of that name is there already, made by hand or by another program (relation "users" already exists)',
    ],
    [{ code: "23514", message: "check\u001b[31m x\u202e violated" }, "check [31m x violated (23514)"],
    [{ code: "P0001", message: "y".repeat(500) }, `${"y".repeat(200)} (P0001)`],
    [null, "the database gave no reason"],
  ])("are one sentence each: %j", (cause, sentence) => {
    expect(explain(cause, "x")).toBe(sentence);
  });

  it("come with the line of the file where the server names a place", () => {
    expect(lineOf({ position: "10" }, "a\nb\nc", 5)).toBe(3);
    expect(lineOf({ position: "3" }, "a\nb\nc", 5)).toBeNull();
    expect(lineOf({}, "a", 0)).toBeNull();
  });
});
