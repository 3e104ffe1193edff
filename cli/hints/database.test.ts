/** Every hint about the project's database, users and tools, followed word by word. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fromPglite } from "../../origin/database/embedded.ts";
import { emptyPglite } from "../../origin/test/kept.ts";
import { pgliteDatabase, type TestDatabase } from "../../origin/test/database.ts";
import type { OwnerDatabase } from "../../supabase/migrate/database.ts";
import { desk, FLAGS, type, type Desk } from "../test/follow.ts";
import { leadOut, type Elsewhere, type Scenario } from "../test/scenario.ts";
import { DATABASE } from "./database.ts";
import { START } from "./start.ts";

const USER = "00000000-0000-4000-8000-0000000000aa";
let test: TestDatabase;
let database: OwnerDatabase;
beforeAll(async () => {
  test = await pgliteDatabase();
  database = {
    query: (text, parameters) => test.admin.query(text, parameters),
    script: (text) => test.admin.script(text),
    close: async () => {},
  };
  await database.query("insert into mcpist.users (user_id) values ($1::uuid)", [USER]);
});
afterAll(() => test.close());

const connect = (desk: Desk): void => void (desk.database = () => Promise.resolve(database));
/** Without an address, or with a wrong one; then the right one is exported. */
const address = (url: string | undefined, command = "access list"): Scenario => ({
  argv: command,
  env: { DATABASE_URL: url },
  byHand: connect,
  ends: /^0 [^]*00000000-0000-4000-8000-0000000000aa/,
});
const asked = (argv: string, ends: RegExp): Scenario => ({ argv, prepare: connect, ends });

const SCENARIOS: Readonly<Record<keyof typeof DATABASE | "sayYes", Scenario | Elsewhere>> = {
  databaseUrl: address(undefined),
  caFile: address("postgres://u:p@127.0.0.1:1/x?sslmode=verify-full&sslrootcert=/nowhere/ca.pem"),
  connect: address("postgres://u:p@127.0.0.1:1/x?sslmode=disable"),
  migrate: { elsewhere: "cli/hints/database.test.ts", says: "leads out: migrate" },
  dbStatus: {
    argv: "db migrate",
    prepare: (desk) => {
      desk.database = () =>
        Promise.resolve({
          ...database,
          script: () => Promise.reject(new Error("the disk is full")),
          query: async (text, parameters) => {
            if (/^\s*(?:insert|select mcpist)/i.test(text)) throw new Error("the disk is full");
            return database.query(text, parameters);
          },
        });
    },
    byHand: connect,
    ends: /^[03] database {2}PostgreSQL/,
  },
  schema: {
    argv: "db migrate",
    prepare: (desk) => {
      desk.database = () =>
        Promise.resolve({
          ...database,
          query: async () =>
            [
              {
                server: "14.1",
                major: 14,
                role: "postgres",
                creates: true,
                makes_roles: true,
                owner: null,
                owns: true,
                records: false,
                schema: false,
                vault: true,
                accounts: false,
                standby: false,
              },
            ] as never,
        });
    },
    ends: /^3 error: PostgreSQL 14\.1 is too old/,
  },
  users: asked("access suspend canary --yes", /^0 [^]*00000000-0000-4000-8000-0000000000aa/),
  tools: asked("tools show canary", /^0 /),
  usersAndTools: asked(`access plan ${USER} canary`, /^0 [^]*00000000-0000-4000-8000-0000000000aa/),
  sayYes: {
    argv: "tools approve weather",
    prepare: async (desk) => {
      const facts = {
        facts: { description: "The weather", inputSchema: { type: "object" }, name: "forecast" },
        instructions: "",
      };
      await database.query("select mcpist.sight_tools('weather', $1::json)", [
        JSON.stringify([{ tool: "forecast", facts: JSON.stringify(facts) }]),
      ]);
      connect(desk);
      desk.terminal = true;
    },
    stdin: "n\n",
    byHand: (desk) => void (desk.stdin = "y\n"),
    ends: /^0 [^]*approved forecast/,
  },
};

leadOut({ ...DATABASE, sayYes: START.sayYes }, SCENARIOS);

it("leads out: migrate, which doctor says in a project", async () => {
  const opened = fromPglite(await emptyPglite());
  try {
    const vault = readFileSync(new URL("../../supabase/local/vault.sql", import.meta.url), "utf8");
    await opened.script(`create schema auth; create table auth.users (id uuid primary key); ${vault}`);
    const fresh: OwnerDatabase = {
      query: (text, parameters) => opened.query(text, parameters),
      script: (text) => opened.script(text),
      close: async () => {},
    };
    const nothing: typeof fetch = async () => Response.json({ message: "Not Found" }, { status: 404 });
    const env = { DATABASE_URL: "postgres://u:p@127.0.0.1:1/x" };
    const place = desk({ database: () => Promise.resolve(fresh), fetch: nothing, env });
    writeFileSync(join(place.folder, "package.json"), JSON.stringify({ dependencies: { mcpist: "0.1.0" } }));
    const said = await type(place, ["doctor", ...FLAGS]);
    expect(said.told).toContain("migrate");
    const [, command = ""] = /^missing +database +schema .* -> {2}mcpist (.*)$/m.exec(said.text) ?? [];
    expect(await type(place, command.split(" "))).toMatchObject({ code: 0 });
    expect((await type(place, ["doctor", ...FLAGS])).told).not.toContain("migrate");
  } finally {
    await opened.close();
  }
});
