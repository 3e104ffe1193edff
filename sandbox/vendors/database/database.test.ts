import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createContext } from "../context.ts";
import { startDatabase, type Database } from "./database.ts";

let database: Database;
const pools: pg.Pool[] = [];

beforeAll(async () => {
  database = await startDatabase(createContext({ log: () => undefined }));
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await database?.close();
});

function pool(max = 3, connectionString = database.adminUrl): pg.Pool {
  const made = new pg.Pool({ connectionString, max });
  made.on("error", () => undefined);
  pools.push(made);
  return made;
}

test("six pools at once get their own answers, also when parameters arrive in pieces", async () => {
  const big = "x".repeat(300_000);
  const six = Array.from({ length: 6 }, () => pool());
  const answers = await Promise.all(
    Array.from({ length: 120 }, async (_, i) => {
      const { rows } = await six[i % 6]!.query("select $1::int as i, length($2::text) as n", [i, big.slice(i)]);
      return rows[0].i === i && rows[0].n === big.length - i;
    }),
  );
  expect(answers.every(Boolean)).toBe(true);
});

test("two sessions may use one name for different prepared statements", async () => {
  const [one, two] = [pool(1), pool(1)];
  const ask = async (from: pg.Pool, text: string) => (await from.query({ name: "same", text, values: [1] })).rows[0].x;
  expect(await Promise.all([ask(one, "select 10 + $1::int as x"), ask(two, "select 20 + $1::int as x")])).toEqual([
    11, 21,
  ]);
  expect(await Promise.all([ask(one, "select 10 + $1::int as x"), ask(two, "select 20 + $1::int as x")])).toEqual([
    11, 21,
  ]);
});

test("a transaction is not seen by others before it commits, and a lost client is rolled back", async () => {
  const admin = pool();
  await admin.query("create table if not exists scratch (n int)");
  const client = await admin.connect();
  await client.query("begin");
  await client.query("insert into scratch values (1)");
  const other = pool(1).query("select count(*)::int as n from scratch");
  await client.query("commit");
  client.release();
  expect((await other).rows[0].n).toBe(1);

  const lost = new pg.Client({ connectionString: database.adminUrl });
  lost.on("error", () => undefined);
  await lost.connect();
  await lost.query("begin");
  await lost.query("insert into scratch values (2)");
  (lost as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  expect((await pool(1).query("select count(*)::int as n from scratch")).rows[0].n).toBe(1);
});

test("a session that sits in a transaction while others wait is ended", async () => {
  const sleeper = new pg.Client({ connectionString: database.adminUrl });
  const ended = new Promise<string>((resolve) =>
    sleeper.on("error", (error) => resolve((error as { code?: string }).code ?? "")),
  );
  await sleeper.connect();
  await sleeper.query("begin");
  expect((await pool(1).query("select 1 as one")).rows[0].one).toBe(1);
  expect(await ended).toBe("25P03");
});

test("an error in one session ends neither it nor another", async () => {
  const client = pool(1);
  await expect(client.query("select nope")).rejects.toMatchObject({ code: "42703" });
  expect((await client.query("select 1 as one")).rows[0].one).toBe(1);
});

test("origins run as their own role and are held to its rights", async () => {
  const origin = pool(1, database.url);
  const admin = pool(1);
  const role = async (from: pg.Pool) => (await from.query("select current_user as role")).rows[0].role;
  expect(await Promise.all([role(origin), role(admin), role(origin)])).toEqual([
    "mcpist_origin",
    "postgres",
    "mcpist_origin",
  ]);
  await expect(origin.query("select * from mcpist.connections")).rejects.toMatchObject({ code: "42501" });
  await expect(pool(1, database.adminUrl.replace("postgres@", "nobody@")).query("select 1")).rejects.toMatchObject({
    code: "28000",
  });
});

test("the seeded users exist with their plan", async () => {
  const { rows } = await pool(1).query("select count(*)::int as n from mcpist.users where plan_id = 'unlimited'");
  expect(rows[0].n).toBeGreaterThanOrEqual(48);
});

test("a taken port is an error that carries the port", async () => {
  const { port } = new URL(database.url);
  const context = createContext({ log: () => undefined, portBase: Number(port) - 8 });
  await expect(startDatabase(context)).rejects.toMatchObject({ code: "EADDRINUSE", port: Number(port) });
});
