/** `mcpist db` on a real server: as its owner, who has a limit for statements, beside somebody who holds a table. */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresBinaries, postgresDatabase, type TestPostgres } from "../../origin/test/postgres.ts";
import { run } from "../program.ts";
import { testContext } from "../test/test-context.ts";

describe.skipIf(postgresBinaries() === null)("mcpist db on PostgreSQL (apt-get install postgresql)", () => {
  let database: TestPostgres;
  beforeAll(async () => {
    database = await postgresDatabase(undefined, false);
  });
  afterAll(() => database.close());

  const call = async (role: string, ...argv: string[]) => {
    const context = testContext({ env: { DATABASE_URL: database.url(role) } });
    return { code: await run(argv, context), out: context.out(), err: context.err() };
  };

  it("migrates whatever limit the owner has for a statement, names who holds it up, and goes on", async () => {
    const { superuser, url } = database;
    await superuser.script(`
      alter role postgres set statement_timeout = '250ms';
      insert into auth.users (id) select gen_random_uuid() from generate_series(1, 1000)`);
    const holder = new pg.Client(url("supabase_admin"));
    await holder.connect();
    await holder.query("begin; lock table auth.users in access exclusive mode");
    const held = await call("postgres", "db", "migrate");
    expect([held.code, held.err.split("\n").find((line) => line.startsWith("error:"))]).toEqual([
      5,
      "error: 20261122000006_create_access_token_hook.sql: somebody holds a table that it changes: run it again; nothing of this step was kept (ERR_PARTIAL)",
    ]);
    await holder.end();
    const done = await call("postgres", "db", "migrate");
    expect([done.code, done.out]).toEqual([
      0,
      expect.stringMatching(
        /^done {2}applied \d+ migrations; added 12 tools, granted to nobody; admitted 1000 accounts\n$/,
      ),
    ]);
    const status = await call("postgres", "db", "status");
    expect([status.code, status.out]).toEqual([
      3,
      expect.stringContaining("mcpist_origin and mcpist_broker cannot log in"),
    ]);
  });

  it.each([
    [
      "authenticator",
      3,
      /^error: (?:role "authenticator" can create no schema|this is role "authenticator", and schema mcpist belongs)/m,
    ],
    ["nobody", 1, /^error: the database refused the login/m],
  ])("tells %s in one sentence why not", async (role, code, says) => {
    const answer = await call(role, "db", "migrate");
    expect(answer.code).toBe(code);
    expect(answer.err).toMatch(says);
  });
});
